"""kdray finds the small code model that still behaves like the big one.

In Python: `kdray.load`, `kdray.launch`, `kdray.validate` (`kdray.notebook`). They are imported when they are used.
"""

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["launch", "load", "validate"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("kdray.notebook"), name)
    raise AttributeError(f"module 'kdray' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
