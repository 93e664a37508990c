"""Java tests with another assertion in place of their own: compiled by one process, run by confined ones."""
