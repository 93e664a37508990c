"""Mines a corpus from installed packages or from folders, on several processes."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from kdray.corpus.example import Example
from kdray.corpus.focal import FocalFinder
from kdray.corpus.python import mine_file, test_files
from kdray.corpus.splits import without_duplicates
from kdray.errors import DataError

DEMO_PACKAGES = ("sympy", "networkx", "numpy", "pandas", "pyarrow", "mpmath")
"""Packages whose wheels carry their test suites and which the installation of kdray brings."""

FILES_PER_CHUNK = 24
Progress = Callable[[int, int], None]
"""Called with (done, total)."""


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
    sources: Sequence[str], processes: int | None = None, progress: Progress | None = None
) -> list[Example]:
    """Every assertion in the test files of some packages or folders, split by file, without duplicates.

    Args:
        sources: names of installed packages, or folders.
        processes: how many parse at a time; None means one a core.
        progress: called after each chunk of files.

    Returns:
        Examples ordered by file and position: a function of the files alone, however many processes there
            are.

    Raises:
        DataError: an unknown source, or nothing found.
    """
    roots = source_roots(sources)
    files = [
        (str(path), f"{name}/{path.relative_to(root).as_posix()}")
        for name, root in sorted(roots.items())
        for path in test_files(root)
    ]
    if not files:
        raise DataError(f"no test files (test_*.py, *_test.py) in {', '.join(sources)}")
    chunks = [files[i : i + FILES_PER_CHUNK] for i in range(0, len(files), FILES_PER_CHUNK)]
    workers = min(processes or os.cpu_count() or 1, len(chunks))
    examples: list[Example] = []
    for done, found in enumerate(_mine_chunks(chunks, roots, workers), start=1):
        examples += found
        if progress:
            progress(done, len(chunks))
    unique = without_duplicates(examples)
    if not unique:
        raise DataError(f"no assertions in the {len(files)} test files of {', '.join(sources)}")
    return unique


def _mine_chunks(
    chunks: list[list[tuple[str, str]]], roots: dict[str, Path], workers: int
) -> Iterable[list[Example]]:
    if workers == 1:
        return (_mine_chunk(chunk, roots) for chunk in chunks)
    return _mine_parallel(chunks, roots, workers)


def _mine_parallel(
    chunks: list[list[tuple[str, str]]], roots: dict[str, Path], workers: int
) -> Iterable[list[Example]]:
    # spawn: the parent may have threads by now, and a forked lock may stay locked for ever.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_mine_chunk, chunks, [roots] * len(chunks))


def _mine_chunk(files: list[tuple[str, str]], roots: dict[str, Path]) -> list[Example]:
    focal = FocalFinder(roots)
    return [example for path, group in files for example in mine_file(Path(path), group, focal)]
