"""Asks about the tests of a Java corpus: one compiler, and test files some at a time."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.errors import ConfigError
from kdray.execution.ask import How
from kdray.execution.case import Case, Ran
from kdray.execution.java.java_checkout import Checkout, source_folder
from kdray.execution.java.java_file import JavaFile
from kdray.execution.java.java_runs import NotConfined, Runs
from kdray.execution.java.javac_process import Javac
from kdray.execution.java.jdk import Jdk, class_path, find_jdk, program

KITS = ("KdrayJUnit4", "KdrayJUnit5")
ANYWHERE = ""
"""Name of a root that stands for those of any name."""


EMPTY = ";"
"""A statement that does nothing."""


class Place(NamedTuple):
    """A test file, and the root of its checkout."""

    root: Path
    path: Path


def placed(example: Example, roots: Mapping[str, Path]) -> Place | str:
    """The file that an example was mined from; or why it cannot be run."""
    name = max((name for name in roots if name and example.group.startswith(f"{name}/")), key=len, default="")
    rest = example.group[len(name) + 1 :] if name else example.group.partition("/")[2]
    root = roots.get(name)
    if root is None or ".." in rest.split("/") or not (path := root / rest).is_file():
        return "its file is not here"
    return Place(root, path)


def ask_java(examples: Sequence[Example], cases: Sequence[Case], how: How, progress: Advance) -> list[Ran]:
    """What comes of each case.

    Args:
        examples: of a mined Java corpus.
        cases: what is asked about each.
        how: see there; `roots` may hold one for `ANYWHERE`.
        progress: called with (done, total) cases.

    Raises:
        ConfigError: there is no JDK, or no JUnit in the class path, or the system does not let runs be confined.
    """
    jdk, classes = find_jdk(), class_path(how.classpath)
    files: dict[Place, list[int]] = defaultdict(list)
    ran: dict[int, Ran] = {}
    lock = threading.Lock()

    def answered(number: int, one: Ran) -> None:
        with lock:
            ran[number] = one
            progress(len(ran), len(examples))

    for number, example in enumerate(examples):
        place = placed(example, how.roots)
        if isinstance(place, str):
            answered(number, Ran(place))
        else:
            files[place].append(number)
    processes = how.processes or os.cpu_count() or 1
    with _session(jdk, classes, how) as session, ThreadPoolExecutor(processes) as pool:

        def ask_file(item: tuple[Place, list[int]]) -> None:
            place, numbers = item
            with session.file(place) as file:
                for number in numbers:
                    answered(number, file.ran(examples[number], cases[number]))

        list(pool.map(ask_file, _shared(files, -(-len(examples) // processes))))
    return [ran[number] for number in range(len(examples))]


def ask_java_file(path: Path, source: str, example: Example, texts: Sequence[str], how: How) -> Ran:
    """What comes of texts in the place of a source's placeholder, each alone there.

    Args:
        path: of the file that the source is of; others of its checkout are compiled as it needs them.
        source: of the file, with the placeholder.
        example: of the placeholder.
        texts: assertions.
        how: see there; `roots` is not asked.

    Raises:
        ConfigError: see `ask_java`.
    """
    jdk, classes = find_jdk(), class_path(how.classpath)
    root = next((each.parent for each in path.parents if each.name == "src"), source_folder(path))
    with _session(jdk, classes, how) as session, session.file(Place(root, path), source) as file:
        return file.ran(example, Case(example.test, EMPTY, example.context, tuple(texts)))


def _shared(files: Mapping[Place, list[int]], most: int) -> list[tuple[Place, list[int]]]:
    """So many cases of a file at a time; the largest first, so that none is left for the end."""
    parts = [
        (place, numbers[i : i + most])
        for place, numbers in files.items()
        for i in range(0, len(numbers), most)
    ]
    return sorted(parts, key=lambda part: -len(part[1]))


class _Session:
    """A compiler, the programs that run tests, and the checkouts that are asked about."""

    def __init__(self, jdk: Jdk, classes: Sequence[str], how: How, work: Path, javac: Javac) -> None:
        self._jdk, self._classes, self._how, self._work, self._javac = jdk, classes, how, work, javac
        self._checkouts: dict[Path, Checkout] = {}
        self._lock = threading.Lock()
        self._programs = work / "programs"
        self._programs.mkdir()
        for name in ("KdrayReached", "KdrayRunner"):
            self._compile(name)
        compiled = [self._compile(kit) for kit in KITS]
        if not any(compiled):
            raise ConfigError(
                "classpath: has neither JUnit 4 (junit4.jar, hamcrest-core.jar) nor the launcher and engine of"
                " JUnit 5 (junit-jupiter-*.jar, junit-platform-*.jar, opentest4j.jar, apiguardian-api.jar)"
            )

    def _compile(self, name: str) -> bool:
        source = program(name).read_text(encoding="utf-8")
        return self._javac.compile(name, source, self._programs, self._classes) is None

    @contextlib.contextmanager
    def file(self, place: Place, source: str | None = None) -> Iterator[JavaFile]:
        with self._lock:
            work = self._work / f"file{len(os.listdir(self._work))}"
            work.mkdir()
            if place.root not in self._checkouts:
                own = self._work / f"checkout{len(self._checkouts)}"
                self._checkouts[place.root] = Checkout(place.root, self._javac, own, self._classes)
        runs = Runs(self._jdk, self._programs, self._classes, self._how.seconds, self._how.unsafe)
        try:
            yield JavaFile(self._checkouts[place.root], place.path, self._javac, runs, work, source)
        except NotConfined as error:
            raise ConfigError(
                f"generated code is run confined or not at all: {error} (--unsafe, where a verb has it, runs it"
                " with limits alone: network and files are open to it then)"
            ) from None
        finally:
            runs.close()


@contextlib.contextmanager
def _session(jdk: Jdk, classes: Sequence[str], how: How) -> Iterator[_Session]:
    with tempfile.TemporaryDirectory(prefix="kdray-java-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        javac = Javac(jdk)
        try:
            yield _Session(jdk, classes, how, Path(folder), javac)
        finally:
            javac.close()
