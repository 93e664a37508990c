"""What comes with the package, wherever it is installed: teachers by name, the demo's files, the studies.

`kdray:python` is the packaged teacher of Python. The name may stand wherever a model's folder or hub name may, in
a file or on the command line; it travels as it is, so that each machine reads its own copy. `located` is the one
place that knows what such a name means.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from kdray.errors import ConfigError, nearest

PREFIX = "kdray:"
TEACHERS = {"python": "demo/teacher"}
"""Name behind the prefix -> folder in the package."""


def packaged(path: str) -> Path:
    """A file or folder of the package, such as `demo/sweep.yaml`."""
    return Path(str(resources.files("kdray"))) / path


def is_named(location: str) -> bool:
    """Whether `location` is a packaged thing's name (or a file of it: `kdray:python/config.json`)."""
    return location.startswith(PREFIX)


def located(location: str) -> str:
    """The path that a packaged thing's name stands for; any other location as it is.

    Raises:
        ConfigError: nothing of that name is packaged, with the nearest that is.
    """
    if not is_named(location):
        return location
    name, _, file = location.removeprefix(PREFIX).partition("/")
    if name not in TEACHERS:
        known = [PREFIX + name for name in TEACHERS]
        raise ConfigError(f"no packaged teacher '{PREFIX}{name}'{nearest(PREFIX + name, known)}")
    return str(packaged(TEACHERS[name]) / file)


def studies() -> dict[str, Path]:
    """Name -> sweep file of each study. In a checkout they are those of `sweeps/`, through a link."""
    return {path.stem: path for path in sorted(packaged("sweeps").glob("*.yaml"))}
