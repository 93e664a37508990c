"""Mines a corpus from installed packages or from folders, on several processes: Python tests, or Java's."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from kdray.console import Advance
from kdray.corpus import mine_java
from kdray.corpus.example import Example
from kdray.corpus.focal import FocalFinder
from kdray.corpus.java_focal import JavaFocal
from kdray.corpus.origin import Origin, origin_of
from kdray.corpus.python import mine_file, test_files
from kdray.corpus.splits import without_duplicates
from kdray.errors import DataError, nearest

DEMO_PACKAGES = ("sympy", "networkx", "numpy", "pandas", "pyarrow", "mpmath")
"""Packages whose wheels carry their test suites and which the installation of kdray brings."""

FILES_PER_CHUNK = 24
TEST_FILES = {"python": "test files (test_*.py, *_test.py)", "java": "Java files (*.java)"}
"""What is looked through, by language."""
Named = tuple[str, str]
"""A file and its group."""
Miner = Callable[[list[Named]], list[Example]]
"""The examples of some files."""


def package_root(name: str) -> Path:
    """The folder of an installed package, found without importing it. Raises `DataError`."""
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"package '{name}' is not installed here (or is no package): "
            "name an installed package or a folder"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def source_roots(sources: Sequence[str]) -> dict[str, Path]:
    """Name -> folder for installed packages and for folders, named by their last part. Raises `DataError`."""
    roots = {}
    for source in sources:
        folder = Path(source)
        if folder.is_dir():
            roots[folder.resolve().name] = folder.resolve()
        elif os.sep in source:
            raise DataError(f"{source}: no such folder")
        else:
            roots[source] = package_root(source)
    return roots


def mine(
    sources: Sequence[str],
    processes: int | None = None,
    progress: Advance | None = None,
    language: str = "python",
) -> list[Example]:
    """Every test or assertion in the test files of some packages or folders, split by file, without duplicates.

    Args:
        sources: names of installed packages, or folders.
        processes: how many parse at a time; None means one a core.
        progress: called after each chunk of files.
        language: `python` or `java`.

    Returns:
        Examples ordered by file and position: a function of the files alone, however many processes there
            are.

    Raises:
        DataError: an unknown source or language, or nothing found.
    """
    if language not in TEST_FILES:
        raise DataError(f"--language {language}{nearest(language, TEST_FILES)}")
    roots = source_roots(sources)
    list_files = test_files if language == "python" else mine_java.source_files
    files = [
        (str(path), f"{name}/{path.relative_to(root).as_posix()}")
        for name, root in sorted(roots.items())
        for path in list_files(root)
    ]
    if not files:
        raise DataError(f"no {TEST_FILES[language]} in {', '.join(sources)}")
    chunks = [files[i : i + FILES_PER_CHUNK] for i in range(0, len(files), FILES_PER_CHUNK)]
    workers = min(processes or os.cpu_count() or 1, len(chunks))
    examples: list[Example] = []
    for done, found in enumerate(_mine_chunks(chunks, _miner(language, roots, files), workers), start=1):
        examples += found
        if progress:
            progress(done, len(chunks))
    unique = without_duplicates(examples)
    if not unique:
        raise DataError(f"no assertions in the {len(files)} {TEST_FILES[language]} of {', '.join(sources)}")
    return unique


def _miner(language: str, roots: dict[str, Path], files: list[Named]) -> Miner:
    if language == "python":
        return partial(_mine_python, roots=roots)
    origins = {name: origin_of(root) for name, root in roots.items()}
    return partial(_mine_java, sources=[path for path, _ in files], origins=origins)


def _mine_chunks(chunks: list[list[Named]], miner: Miner, workers: int) -> Iterable[list[Example]]:
    return map(miner, chunks) if workers == 1 else _mine_parallel(chunks, miner, workers)


def _mine_parallel(chunks: list[list[Named]], miner: Miner, workers: int) -> Iterable[list[Example]]:
    # spawn: the parent may have threads by now, and a forked lock may stay locked for ever.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(miner, chunks)


def _mine_python(files: list[Named], roots: dict[str, Path]) -> list[Example]:
    focal = FocalFinder(roots)
    return [example for path, group in files for example in mine_file(Path(path), group, focal)]


def _mine_java(files: list[Named], sources: list[str], origins: dict[str, Origin]) -> list[Example]:
    focal = JavaFocal(sources)
    return [
        example
        for path, group in files
        for example in mine_java.mine_file(Path(path), group, focal, origins[group.partition("/")[0]])
    ]
