"""Behaviour-preserving variants, and whether a student still does what its teacher does on them."""
