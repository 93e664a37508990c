"""kdray finds the small code model that still behaves like the big one."""

__version__ = "0.1.0"
