"""Calls in confined children, and how each ended.

Three processes: a keeper, which enters the namespaces; the first process of the new process namespace, a room in
which one call after the other is made (`room`), and whose end kills every other in it; and the one that makes a
call. A room costs more than a run, so calls that are known at the same time share one.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fcntl import F_DUPFD, fcntl
from typing import Literal, NoReturn

from kdray.execution.confinement import NOBODY, Limits, die_first, die_with_parent, isolate, leave_root
from kdray.execution.room import make_calls

Ending = Literal["completed", "raised", "memory", "exited", "killed", "time", "output", "refused"]


@dataclass(frozen=True)
class Outcome:
    """How a call ended.

    Attributes:
        ending: `completed` (it returned), `raised` (an exception, also `SystemExit`), `memory` (`MemoryError`),
            `exited` (the process ended by itself: `os._exit`), `killed` (a signal), `time` (the wall limit),
            `output` (wrote more than it may), `refused` (the system does not let it be confined).
        error: the exception's type (`AssertionError` of all that are one), or the signal's name.
        message: of the exception or the refusal, cut.
        output: what was written to standard output and error, up to the limit.
    """

    ending: Ending
    error: str = ""
    message: str = ""
    output: bytes = b""


def run(call: Callable[[], object], limits: Limits | None = None, unsafe: bool = False) -> Outcome:
    """One call: see `run_each`."""
    return run_each([call], limits, unsafe)[0]


def run_each(
    calls: Sequence[Callable[[], object]], limits: Limits | None = None, unsafe: bool = False
) -> list[Outcome]:
    """Makes calls one after the other, each in a child that is confined (see `README.md`).

    Args:
        calls: anything; what one changes, starts or writes is gone before the next. The calling process must have
            no other threads that hold locks which they need.
        limits: of each; None means the defaults.
        unsafe: where the system refuses namespaces, go on without: network and files are not contained then.

    Returns:
        An outcome for each call.
    """
    outcomes: list[Outcome] = []
    while len(outcomes) < len(calls):
        told = _in_a_room(calls[len(outcomes) :], limits or Limits(), unsafe)
        outcomes += told
        if told and told[-1].ending == "refused":
            return [told[-1]] * len(calls)
        if len(outcomes) < len(calls):  # the room ended with this call: possible where nothing is confined
            outcomes.append(Outcome("exited"))
    return outcomes


def _in_a_room(calls: Sequence[Callable[[], object]], limits: Limits, unsafe: bool) -> list[Outcome]:
    """The outcomes that were told until the room ended."""
    listen, tell = os.pipe()
    with tempfile.TemporaryDirectory(prefix="kdray-run-", ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        keeper = os.fork()
        if keeper == 0:
            _keep(calls, limits, unsafe, tell, folder)
        os.close(tell)
        outcomes = []
        try:
            with open(listen, encoding="ascii") as lines:
                for line in lines:
                    told = json.loads(line)
                    outcomes.append(Outcome(**told | {"output": told["output"].encode("latin-1")}))
        finally:
            _end(keeper)
    return outcomes


def _end(keeper: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(keeper, signal.SIGKILL)
    os.waitpid(keeper, 0)


def _keep(
    calls: Sequence[Callable[[], object]], limits: Limits, unsafe: bool, tell: int, folder: str
) -> NoReturn:
    """The keeper: never returns into the caller's code, whatever happens."""
    with contextlib.suppress(BaseException):
        os.setsid()
        for number in range(1, signal.NSIG):
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
        tell = _only(tell)
        leave_root()
        with contextlib.suppress(OSError):
            die_with_parent()
        with contextlib.suppress(OSError):
            die_first()
        isolated = True
        try:
            isolate()
        except OSError as error:
            isolated = False
            if not unsafe:
                told = {"ending": "refused", "message": f"cannot be confined here: {error}", "output": ""}
                os.write(tell, json.dumps(told).encode() + b"\n")
                os._exit(1)
        first = os.fork()
        if first == 0:
            with contextlib.suppress(BaseException):
                die_with_parent()
                make_calls(calls, limits, tell, folder, isolated=isolated)
            os._exit(0)
        os.waitpid(first, 0)
    os._exit(0)


def _only(tell: int) -> int:
    """Of all open files only one stays, as 3; standard input, output and error are nothing."""
    tell = fcntl(tell, F_DUPFD, 4)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.dup2(tell, 3, inheritable=False)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    return 3
