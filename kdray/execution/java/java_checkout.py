"""A checkout of Java sources: which folders packages begin in, and its classes, compiled as they are asked for."""

from __future__ import annotations

import os
import re
import threading
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from kdray.corpus.decode import java_text
from kdray.corpus.left_out import LeftOut
from kdray.corpus.origin import origin_of
from kdray.corpus.rows import files_below
from kdray.corpus.source_files import read_source
from kdray.execution.java.javac_process import Javac, Wrong

_PACKAGE = re.compile(rb"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)
_MISSING = re.compile(r"package ([\w.]+) does not exist")
_SYMBOL = re.compile(r"symbol:\s+(\w+) (\w+)")
NO_CLASSES = ("module-info", "package-info")
RESOURCES = "resources"
"""Beside a folder of sources, by custom: files that a test reads."""


class Checkout:
    """One root that a corpus was mined from."""

    def __init__(self, root: Path, javac: Javac, work: Path, classes: Sequence[str]) -> None:
        """Args: work: an empty folder of its own; classes: jars and folders that are given."""
        self.root, self._javac, self._encoding = root, javac, origin_of(root).encoding
        self._base = work / "base"
        self._base.mkdir(parents=True)
        self._given = [str(self._base), *classes]
        self._files: dict[str, list[Path]] = defaultdict(list)
        one_each: dict[Path, Path] = {}
        for path in files_below(root, LeftOut()):
            if path.suffix == ".java":
                self._files[path.stem].append(path)
                if path.stem not in NO_CLASSES:
                    one_each[path.parent] = path
        self._folders = sorted(set(map(source_folder, one_each.values())))
        self._lock = threading.Lock()

    @property
    def classes(self) -> list[str]:
        """What an edited file is compiled and run with."""
        return self._given

    def text(self, path: Path) -> str:
        """A source. Raises `DataError`."""
        return java_text(read_source(path), self._encoding)

    def named(self, stem: str) -> list[Path]:
        """The files of a name."""
        return self._files.get(stem, [])

    def compiled(self, path: Path, source: str | None = None) -> str:
        """Compiles a file, or a source in its place, with what it needs of the checkout; why it does not compile,
        or "".
        """
        source = self.text(path) if source is None else source
        with self._lock:
            wrong = self._javac.compile(
                path.stem, source, self._base, self._given, self._near(source_folder(path))
            )
        return "" if wrong is None else _said(wrong)

    def resources(self, path: Path) -> list[Path]:
        """Folders of files that a test may read, beside those of sources."""
        beside = [Path(folder).parent / RESOURCES for folder in self._near(source_folder(path))]
        return [folder for folder in beside if folder.is_dir()]

    def module(self, path: Path) -> Path:
        """The folder that a build would run a test in: the one that holds `src`, or the root."""
        folder = next((each.parent for each in path.parents if each.name == "src"), self.root)
        return folder if folder.is_relative_to(self.root) else self.root

    @lru_cache(maxsize=256)  # noqa: B019 - as long as the checkout
    def _near(self, own: Path) -> list[str]:
        """All folders of sources, those of the same module first."""
        return sorted(map(str, self._folders), key=lambda each: -len(os.path.commonpath([each, own])))


def source_folder(path: Path) -> Path:
    """Where the package of a file begins; its own folder where the two do not agree."""
    found = _PACKAGE.search(path.read_bytes()[:65536])
    parts = tuple(found[1].decode("ascii", "replace").split(".")) if found else ()
    folder = path.parent
    if parts and folder.parts[-len(parts) :] == parts:
        return folder.parents[len(parts) - 1]
    return folder


def _said(wrong: Wrong) -> str:
    """Why a file does not compile, in words that many share."""
    if found := _MISSING.search(wrong.message):
        return f"does not compile: '{found[1]}' is not in the class path"
    first = wrong.message.partition("\n")[0].strip()
    if found := _SYMBOL.search(wrong.message):
        first = f"{first} '{found[2]}'"
    return f"does not compile: {first}"
