"""Asks about the tests of a Python corpus: processes for each package (see `warm`), some at a time."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.corpus.focal import import_folders
from kdray.errors import ConfigError
from kdray.execution.case import Case, Ran
from kdray.execution.imported_file import WAIT

PROGRAM = ("-m", "kdray.execution.warm")
IMPORT_SECONDS = 120.0
KEPT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG")
"""Of the environment, what a process that runs tests is told."""


@dataclass(frozen=True)
class How:
    """How tests are run.

    Attributes:
        seconds: of a core that a run may take; four times as many by the clock.
        processes: at a time; None means one a core.
        unsafe: whether runs go on where the system does not let them be confined.
        roots: what a corpus was mined from, by the name that its groups begin with: packages and folders; what is
            not among them is looked for among the installed packages.
        classpath: of Java, jars and folders.
    """

    seconds: float = 5.0
    processes: int | None = None
    unsafe: bool = False
    roots: Mapping[str, Path] = field(default_factory=dict)
    classpath: Sequence[str] = ()


def ask_file(path: Path, source: tuple[str, str], cases: Sequence[Case], how: How) -> list[Ran]:
    """What comes of cases of one test file that stands anywhere.

    Args:
        path: of the file.
        source: what is imported in its place, and what its tests are read from; line for line alike.
        cases: what is asked.
        how: see there.

    Raises:
        ConfigError: the system does not let runs be confined.
    """
    root = path.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    place = _module(path, root)
    if isinstance(place, str):
        return [Ran(place) for _ in cases]
    ran: dict[int, Ran] = {}
    _asked([_File(place, list(range(len(cases))), list(cases), source)], how, ran.__setitem__)
    return [ran[number] for number in range(len(cases))]


def ask(examples: Sequence[Example], cases: Sequence[Case], how: How, progress: Advance) -> list[Ran]:
    """What comes of each case.

    Args:
        examples: of a mined Python corpus; their packages must be installed here.
        cases: what is asked about each.
        how: see there.
        progress: called with (done, total) cases.

    Raises:
        ConfigError: the system does not let runs be confined.
    """
    numbers = defaultdict(list)
    for number, example in enumerate(examples):
        numbers[example.group].append(number)
    ran: list[Ran | None] = [None] * len(examples)
    done, lock = [0], threading.Lock()

    def answered(number: int, one: Ran) -> None:
        ran[number] = one
        with lock:
            done[0] += 1
            progress(done[0], len(examples))

    packages: dict[str, list[_File]] = defaultdict(list)
    for own in numbers.values():
        place = located(examples[own[0]], how.roots)
        if isinstance(place, str):
            for number in own:
                answered(number, Ran(place))
        else:
            packages[place.roots[0]].append(_File(place, own, [cases[number] for number in own]))
    processes = how.processes or os.cpu_count() or 1
    jobs = _shared(packages.values(), processes)
    with ThreadPoolExecutor(processes) as pool:
        # The largest first, so that none is left for the end.
        list(pool.map(lambda job: _asked(job, how, answered), sorted(jobs, key=lambda job: -_size(job))))
    return [each for each in ran if each is not None]


class Module(NamedTuple):
    """A test file as it is imported.

    Attributes:
        module: its name.
        path: of the file.
        paths: folders that are looked in for it and for what it imports, after those of Python.
        roots: folders that hold the code under test.
    """

    module: str
    path: str
    paths: list[str]
    roots: list[str]


def located(example: Example, roots: Mapping[str, Path]) -> Module | str:
    """The module that an example was mined from, by the name that pytest gives it; or why it cannot be run."""
    if example.language != "python":
        return f"{example.language} is not run"
    name = max((name for name in roots if example.group.startswith(f"{name}/")), key=len, default="")
    name = name or example.group.partition("/")[0]
    rest = example.group[len(name) + 1 :]
    root = roots.get(name) or _installed(name)
    if root is None or ".." in rest.split("/") or not (path := root / rest).is_file():
        return "its file is not here"
    return _module(path, root)


def _module(path: Path, root: Path) -> Module | str:
    """The module of a file below a folder that holds the code under test."""
    names, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    if not all(name.isidentifier() for name in names):
        return "its file has no name that can be imported"
    others = [str(each) for each in import_folders(root)]
    return Module(".".join(names), str(path), [str(folder), *others], [str(root), *others])


def _installed(package: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
    except (ImportError, ValueError):
        return None
    found = list(spec.submodule_search_locations or ()) if spec else []
    return Path(found[0]) if found else None


class _File(NamedTuple):
    """A test file, the numbers of its examples, and what is asked about them."""

    place: Module
    numbers: list[int]
    cases: list[Case]
    source: tuple[str, str] | None = None

    @property
    def runs(self) -> int:
        """That its cases can take."""
        return sum(3 + 2 * len(case.texts) + case.mutants * (2 + len(case.texts)) for case in self.cases)


def _size(job: Sequence[_File]) -> int:
    return sum(file.runs for file in job)


def _shared(packages: Iterable[Sequence[_File]], processes: int) -> list[list[_File]]:
    """The files of each package, shared out evenly among as many processes as it has work for: each imports the
    package.
    """
    packages = list(packages)
    total = sum(map(_size, packages))
    shared: list[list[_File]] = []
    for files in packages:
        jobs: list[list[_File]] = [[] for _ in range(min(len(files), -(-_size(files) * processes // total)))]
        for file in sorted(files, key=lambda file: -file.runs):
            min(jobs, key=_size).append(file)
        shared += jobs
    return shared


def _asked(job: Sequence[_File], how: How, answered: Callable[[int, Ran], None]) -> None:
    """Asks a process about some files of a package; what it does not come to is said so."""
    waiting = [list(file.numbers) for file in job]
    most = [int(IMPORT_SECONDS + file.runs * WAIT * how.seconds) + 1 for file in job]
    request = {
        "seconds": how.seconds,
        "unsafe": how.unsafe,
        "files": [
            {
                **file.place._asdict(),
                "most_seconds": limit,
                "source": file.source,
                "cases": [asdict(case) for case in file.cases],
            }
            for file, limit in zip(job, most, strict=True)
        ],
    }
    with contextlib.closing(_lines(request, IMPORT_SECONDS + sum(most))) as lines:
        for said in lines:
            if "refused" in said:
                raise ConfigError(
                    f"generated code is run confined or not at all: {said['refused']} (--unsafe, where a verb"
                    " has it, runs it with limits alone: network and files are open to it then)"
                )
            answered(waiting[said["file"]].pop(0), Ran(**said["ran"]))
    for number in (number for numbers in waiting for number in numbers):
        answered(number, Ran("the process of its file ended"))


def _lines(request: dict[str, Any], seconds: float) -> Generator[dict[str, Any]]:
    """What a process says to a request until it ends, or is ended after so many seconds."""
    with tempfile.TemporaryDirectory(prefix="kdray-warm-") as home:
        Path(home).chmod(0o755)
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {
            "HOME": home,
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", *PROGRAM], cwd=home, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        watch = threading.Timer(seconds, process.kill)
        watch.start()
        assert process.stdin and process.stdout  # noqa: S101 - they are pipes
        try:
            process.stdin.write(json.dumps(request))
            process.stdin.close()
            for line in process.stdout:
                yield json.loads(line)
        except BrokenPipeError:
            pass
        finally:
            watch.cancel()
            process.kill()
            process.stdout.close()
            process.wait()
