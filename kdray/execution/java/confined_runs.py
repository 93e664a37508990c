"""The process that starts confined ones: a line of JSON for each command, and a line for how it ended.

It has no threads and has imported little, so that it may fork, and so that what it hands on is small.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import NoReturn

from kdray.execution.confinement import Limits
from kdray.execution.sandbox import run

HOME = "{home}"
"""Stands in a command for the only folder that can be written to."""


def answer() -> None:
    """Answers each line of standard input (`argv`, `folder`, `limits`, `unsafe`) with an `Outcome`."""
    for line in sys.stdin:
        asked = json.loads(line)

        def call(asked: dict[str, object] = asked) -> None:
            _become(asked["argv"], asked["folder"])  # type: ignore[arg-type]

        outcome = asdict(run(call, Limits(**asked["limits"]), asked["unsafe"]))
        sys.stdout.write(json.dumps(outcome | {"output": outcome["output"].decode("latin-1")}) + "\n")
        sys.stdout.flush()


def _become(argv: Sequence[str], folder: str) -> NoReturn:
    home = os.environ["HOME"]
    with contextlib.suppress(OSError):  # what only root may read: then it stays where it can write
        os.chdir(folder)
    # The library would reserve address space for each thread.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "2"}
    os.execve(argv[0], [each.replace(HOME, home) for each in argv], environment)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    answer()
