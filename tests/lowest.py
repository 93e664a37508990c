"""The lower bounds of pyproject.toml as constraints: `python tests/lowest.py > FILE; pip install -c FILE -e .`

What `uv pip install --resolution lowest-direct` means, but met by a build of one's own too (torch 2.13.0+cpu).
Packages that kdray does not name come as pip chooses them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,.-]+\])?(?P<bounds>.*)")


def requirements() -> list[tuple[str, str]]:
    """(name, version bounds) of every package that the project or one of its extras names, but kdray itself."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    texts = project["dependencies"] + [
        text for extra in project["optional-dependencies"].values() for text in extra
    ]
    found = [match.group("name", "bounds") for text in texts if (match := REQUIREMENT.fullmatch(text))]
    assert len(found) == len(texts), "a requirement that is not NAME[EXTRAS]BOUNDS"
    return [(name, bounds) for name, bounds in found if name != "kdray"]


def constraints(found: Iterable[tuple[str, str]]) -> list[str]:
    """NAME==LOWEST for each package; a package without a lower bound is an error."""
    lines = set()
    for name, bounds in found:
        lower = re.match(r">=([\d.]+)(,|$)", bounds)
        assert lower, f"{name}{bounds} has no lower bound to try"
        lines.add(f"{name}=={lower[1]}")
    return sorted(lines)


if __name__ == "__main__":
    print("\n".join(constraints(requirements())))
