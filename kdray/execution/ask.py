"""Asks about the tests of a Python corpus: each test file in a process of its own (see `warm`), some at a time."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.corpus.focal import import_folders
from kdray.errors import ConfigError
from kdray.execution.warm import Case, Ran

PROGRAM = ("-m", "kdray.execution.warm")
IMPORT_SECONDS = 120.0
KEPT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG")
"""Of the environment, what a process that runs tests is told."""


@dataclass(frozen=True)
class How:
    """How tests are run.

    Attributes:
        seconds: that a run may take.
        processes: files at a time; None means one a core.
        unsafe: whether runs go on where the system does not let them be confined.
        roots: what a corpus was mined from, by the name that its groups begin with: packages and folders; what is
            not among them is looked for among the installed packages.
    """

    seconds: float = 5.0
    processes: int | None = None
    unsafe: bool = False
    roots: Mapping[str, Path] = field(default_factory=dict)


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

    def count() -> None:
        with lock:
            done[0] += 1
            progress(done[0], len(examples))

    def one(group: str) -> None:
        own = [cases[number] for number in numbers[group]]
        place = _located(examples[numbers[group][0]], how.roots)
        if isinstance(place, str):
            found = [Ran(place, [], []) for _ in own]
            for _ in own:
                count()
        else:
            found = _asked(place, own, how, count)
        for number, each in zip(numbers[group], found, strict=True):
            ran[number] = each

    with ThreadPoolExecutor(how.processes or os.cpu_count() or 1) as pool:
        # The largest files first, so that none is left for the end.
        list(pool.map(one, sorted(numbers, key=lambda group: -len(numbers[group]))))
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


def _located(example: Example, roots: Mapping[str, Path]) -> Module | str:
    """The module that an example was mined from, by the name that pytest gives it; or why it cannot be run."""
    if example.language != "python":
        return f"{example.language} is not run"
    name = max((name for name in roots if example.group.startswith(f"{name}/")), key=len, default="")
    name = name or example.group.partition("/")[0]
    rest = example.group[len(name) + 1 :]
    root = roots.get(name) or _installed(name)
    if root is None or ".." in rest.split("/") or not (path := root / rest).is_file():
        return "its file is not here"
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


def _asked(place: Module, cases: Sequence[Case], how: How, count: Any) -> list[Ran]:
    """The answers of one file's process; what it does not come to is said so."""
    found: list[Ran] = []
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
        request = {
            **place._asdict(), "seconds": how.seconds, "unsafe": how.unsafe,
            "cases": [asdict(case) for case in cases],
        }  # fmt: skip
        runs = sum(3 + len(case.texts) + case.mutants * (2 + len(case.texts)) for case in cases)
        watch = threading.Timer(IMPORT_SECONDS + runs * how.seconds, process.kill)
        watch.start()
        assert process.stdin and process.stdout  # noqa: S101 - they are pipes
        try:
            process.stdin.write(json.dumps(request))
            process.stdin.close()
            for line in process.stdout:
                said = json.loads(line)
                if "refused" in said:
                    raise ConfigError(
                        f"generated code is run confined or not at all: {said['refused']} (--unsafe runs it with"
                        " limits alone: network and files are open to it then)"
                    )
                found.append(Ran(**said))
                count()
        except BrokenPipeError:
            pass
        finally:
            watch.cancel()
            process.kill()
            process.stdout.close()
            process.wait()
    for _ in cases[len(found) :]:
        found.append(Ran("the process of its file ended", [], []))
        count()
    return found
