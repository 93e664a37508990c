"""A process that has imported a package, forks for each of its test files, and runs their tests over and over,
each in a confined fork.

    python -P -m kdray.execution.warm <request.json

Import takes longer than most tests: a package's is paid once. The request names files and their cases, and each
case is answered in a line of JSON. Not to be called from a process with threads, hence one of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from kdray.errors import DataError
from kdray.execution.case import Case, Ran
from kdray.execution.collected_test import Collected, ready_for_pytest, with_pytest
from kdray.execution.confinement import die_with_parent
from kdray.execution.imported_file import ImportedFile, Refused


def answer(request: dict[str, Any]) -> None:
    """Answers a request, a line of JSON for each case, on the standard output that this process began with.

    A line has the number of its `file` and what came of its next case as `ran`, or why nothing runs as `refused`.
    """
    told = os.dup(1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    files = request["files"]
    package, _, inner = files[0]["module"].partition(".")
    if inner:
        _find(files[0]["paths"])
        with contextlib.suppress(BaseException):  # each file says so, if its package cannot be imported
            importlib.import_module(package)
    ready_for_pytest()
    if inner:
        with contextlib.suppress(BaseException):  # most have none, and each file says so if it fails
            importlib.import_module(f"{package}.conftest")
    for number, file in enumerate(files):
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                die_with_parent()
                signal.alarm(file["most_seconds"])
                _answer_file(number, file, request["seconds"], request["unsafe"], told)
            os._exit(0)
        os.waitpid(child, 0)


def _answer_file(number: int, file: dict[str, Any], seconds: float, unsafe: bool, told: int) -> None:
    cases = [Case(**case) for case in file["cases"]]
    _find(file["paths"])
    try:
        imported = ImportedFile(file["module"], file["path"], file["roots"], seconds, unsafe=unsafe,
            source=file.get("source"),
        )  # fmt: skip
    except DataError as error:
        for _ in cases:
            _tell(told, file=number, ran=asdict(Ran(str(error))))
        return

    def run_each() -> None:
        for case in cases:
            try:
                _tell(told, file=number, ran=asdict(imported.ran(case)))
            except Refused as error:
                _tell(told, refused=str(error))
                os._exit(0)

    def run_collected(collected: Collected) -> None:
        imported.collected = collected
        run_each()

    if not (imported.needs_pytest(cases) and with_pytest(file["path"], file["roots"][0], run_collected)):
        run_each()


def _find(paths: Sequence[str]) -> None:
    sys.path += [path for path in paths if path not in sys.path]


def _tell(told: int, **value: Any) -> None:
    line = json.dumps(value).encode() + b"\n"
    while line:
        line = line[os.write(told, line) :]


if __name__ == "__main__":
    answer(json.load(sys.stdin))
