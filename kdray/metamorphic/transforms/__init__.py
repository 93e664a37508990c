"""Source-to-source transformations that keep what the code does."""
