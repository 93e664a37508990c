"""The JDK of this machine, and the class path that is given."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kdray.errors import ConfigError
from kdray.packaged import packaged

SHARE = "/usr/share/java"
"""Where Debian's packages put their jars."""


@dataclass(frozen=True)
class Jdk:
    """Its programs, where they really lie."""

    java: Path
    javac: Path


def find_jdk() -> Jdk:
    """`$JAVA_HOME`'s, else the one on the path. Raises `ConfigError` where there is none."""
    home = os.environ.get("JAVA_HOME")
    javac = shutil.which("javac", path=str(Path(home, "bin")) if home else None)
    if javac is not None:
        folder = Path(javac).resolve().parent
        if (folder / "java").is_file():
            return Jdk(folder / "java", folder / "javac")
    where = f"JAVA_HOME ({home})" if home else "PATH"
    raise ConfigError(
        f"Java tests are run with a JDK, and {where} has no javac: install one (Debian: default-jdk-headless)"
    )


def class_path(given: Sequence[str]) -> list[str]:
    """Jars and folders, as absolute paths. Raises `ConfigError` for none, and for one that is not there."""
    if not given:
        raise ConfigError(
            "classpath: Java tests are compiled with JUnit and what they import: name the jars, such as"
            f" {SHARE}/junit4.jar:{SHARE}/hamcrest-core.jar (Debian: junit4 or junit5)"
        )
    for each in given:
        if not Path(each).exists():
            raise ConfigError(f"classpath: {each}: no such jar or folder")
    return [str(Path(each).resolve()) for each in given]


def program(name: str) -> Path:
    """One of kdray's own Java sources."""
    return packaged(f"execution/java/{name}.java")
