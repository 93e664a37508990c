"""What a model writes, and how good it is."""
