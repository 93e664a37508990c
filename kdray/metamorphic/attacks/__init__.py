"""Attacks: variants chosen so that a model fails, by asking it again and again."""
