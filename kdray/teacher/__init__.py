"""A teacher, what it says about each token, and how that is stored."""
