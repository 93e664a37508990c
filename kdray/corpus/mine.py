"""Mines a corpus from installed packages or from folders, on several processes: Python tests, or Java's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from kdray.console import Advance
from kdray.corpus import mine_java
from kdray.corpus.doctests import documented_files, mine_doctests
from kdray.corpus.example import Example
from kdray.corpus.focal import FocalFinder
from kdray.corpus.java_focal import JavaFocal
from kdray.corpus.left_out import LeftOut, plain_path
from kdray.corpus.origin import Origin, origin_of
from kdray.corpus.python import is_test_file, mine_file, test_files
from kdray.corpus.sample import evenly
from kdray.corpus.source_files import source_roots
from kdray.corpus.splits import with_unique_ids, without_duplicates, without_given_away
from kdray.errors import ConfigError, DataError, nearest

DEMO_PACKAGES = ("sympy", "networkx", "numpy", "pandas", "pyarrow", "mpmath")
"""Packages whose wheels carry their test suites and which the installation of kdray brings."""

FILES_PER_CHUNK = 24
TEST_FILES = {"python": "test files (test_*.py, *_test.py)", "java": "Java files (*.java)"}
"""What is looked through, by language."""


class Named(NamedTuple):
    """A file, its group, and the name of the root that it was found in."""

    path: str
    group: str
    root: str


@dataclass(frozen=True)
class Options:
    """What is taken beside the assertions of tests.

    Attributes:
        whole: the decorators and fixtures of a Python test, as context.
        doctests: the examples in Python's docstrings, of all files.
        given_away: into the test split too, assertions that stand in their own context.
        files: how many files at most, taken evenly from all; None means all.
    """

    whole: bool = True
    doctests: bool = False
    given_away: bool = False
    files: int | None = None


Mined = tuple[list[Example], LeftOut]
Miner = Callable[[list[Named]], Mined]
"""The examples of some files."""


def mine(
    sources: Sequence[str],
    processes: int | None = None,
    progress: Advance | None = None,
    language: str = "python",
    left_out: LeftOut | None = None,
    options: Options | None = None,
) -> list[Example]:
    """Every test or assertion in the test files of some packages or folders, split by file, without duplicates.

    Args:
        sources: names of installed packages, or folders.
        processes: how many parse at a time; None means one a core.
        progress: called after each chunk of files.
        language: `python` or `java`.
        left_out: counts what is no example.
        options: what is taken; None means the defaults.

    Returns:
        Examples ordered by file and position: a function of the files alone, however many processes there
            are.

    Raises:
        ConfigError: an unknown language.
        DataError: an unknown source, or nothing found.
    """
    if language not in TEST_FILES:
        raise ConfigError(f"--language {language}{nearest(language, TEST_FILES)}")
    left_out = LeftOut() if left_out is None else left_out
    options = options or Options()
    roots = source_roots(sources)
    list_files = _lister(language, options)
    files = [
        Named(str(path), f"{name}/{plain_path(path.relative_to(root).as_posix())}", name)
        for name, root in sorted(roots.items())
        for path in list_files(root, left_out)
    ]
    if options.files is not None:
        files = [files[i] for i in evenly(len(files), options.files)]
    if not files:
        raise DataError(f"no {TEST_FILES[language]} in {', '.join(sources)}")
    chunks = [files[i : i + FILES_PER_CHUNK] for i in range(0, len(files), FILES_PER_CHUNK)]
    workers = min(processes or os.cpu_count() or 1, len(chunks))
    examples: list[Example] = []
    for done, (mined, passed_over) in enumerate(
        _mine_chunks(chunks, _miner(language, roots, files, options), workers), start=1
    ):
        examples += mined
        left_out.merge(passed_over)
        if progress:
            progress(done, len(chunks))
    if not options.given_away:
        examples = without_given_away(examples, left_out)
    unique = list(with_unique_ids(without_duplicates(examples, left_out)))
    if not unique:
        nothing = f"no assertions in the {len(files)} {TEST_FILES[language]} of {', '.join(sources)}"
        raise DataError("; ".join([nothing, *left_out.lines()]))
    return unique


def _lister(language: str, options: Options) -> Callable[[Path, LeftOut], list[Path]]:
    if language == "java":
        return mine_java.source_files
    return documented_files if options.doctests else test_files


def _miner(language: str, roots: dict[str, Path], files: list[Named], options: Options) -> Miner:
    if language == "python":
        return partial(_mine_python, roots=roots, options=options)
    origins = {name: origin_of(root, name) for name, root in roots.items()}
    return partial(_mine_java, sources=[file.path for file in files], origins=origins)


def _mine_chunks(chunks: list[list[Named]], miner: Miner, workers: int) -> Iterable[Mined]:
    return map(miner, chunks) if workers == 1 else _mine_parallel(chunks, miner, workers)


def _mine_parallel(chunks: list[list[Named]], miner: Miner, workers: int) -> Iterable[Mined]:
    # spawn: the parent may have threads by now, and a forked lock may stay locked for ever.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(miner, chunks)


def _mine_python(files: list[Named], roots: dict[str, Path], options: Options) -> Mined:
    focal, left_out = FocalFinder(roots), LeftOut()
    examples: list[Example] = []
    for file in files:
        path = Path(file.path)
        if is_test_file(path):
            examples += mine_file(path, file.group, focal, left_out, options.whole)
        if options.doctests:
            examples += mine_doctests(path, file.group, left_out)
    return examples, left_out


def _mine_java(files: list[Named], sources: list[str], origins: dict[str, Origin]) -> Mined:
    focal, left_out = JavaFocal(sources), LeftOut()
    examples = [
        example
        for file in files
        for example in mine_java.mine_file(Path(file.path), file.group, focal, origins[file.root], left_out)
    ]
    return examples, left_out
