"""One call in a confined child, and how it ended.

Three processes: a keeper, which enters the namespaces; the first process of the new process namespace, whose end
kills every other in it; and the one that makes the call. The calling process reads what they write and keeps the
time; it must have no other threads that hold locks which the call needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from kdray.execution.confinement import NOBODY, Limits, clean, die_with_parent, isolate, leave_root, limit

Ending = Literal["completed", "raised", "memory", "exited", "killed", "time", "output", "refused"]
MAX_MESSAGE = 500
_CHUNK_BYTES = 2**16


@dataclass(frozen=True)
class Outcome:
    """How a call ended.

    Attributes:
        ending: `completed` (it returned), `raised` (an exception, also `SystemExit`), `memory` (`MemoryError`),
            `exited` (the process ended by itself: `os._exit`), `killed` (a signal), `time` (the wall limit),
            `output` (wrote more than it may), `refused` (the system does not let it be confined).
        error: the exception's type, or the signal's name.
        message: of the exception or the refusal, cut.
        output: what was written to standard output and error, up to the limit.
    """

    ending: Ending
    error: str = ""
    message: str = ""
    output: bytes = b""


def run(call: Callable[[], object], limits: Limits | None = None, unsafe: bool = False) -> Outcome:
    """Makes a call in a child that is confined (see `README.md`).

    Args:
        call: anything; what it changes is gone with the child.
        limits: None means the defaults.
        unsafe: where the system refuses namespaces, go on without: network and files are not contained then.
    """
    limits = limits or Limits()
    (verdict, tell), (output, write) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="kdray-run-", ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        keeper = os.fork()
        if keeper == 0:
            _keep(call, limits, unsafe, tell, write, folder)
        os.close(tell)
        os.close(write)
        try:
            told, written, stopped = _read(verdict, output, limits)
        finally:
            _end(keeper)
            os.close(verdict)
            os.close(output)
    if stopped:
        return Outcome(stopped, output=written)
    # The first line is the call's own; a process that it left behind may have written others.
    line = told.split(b"\n", 1)[0]
    with contextlib.suppress(ValueError, TypeError):
        return Outcome(**json.loads(line), output=written)
    return Outcome("exited", output=written)


def _read(verdict: int, output: int, limits: Limits) -> tuple[bytes, bytes, Literal["time", "output", ""]]:
    """What was told and written until both pipes closed, a line was told, or a limit was reached."""
    deadline = time.monotonic() + limits.wall_seconds
    read = {verdict: b"", output: b""}
    with selectors.DefaultSelector() as selector:
        for pipe in read:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return read[verdict], read[output], "time"
            for key, _ in selector.select(left):
                data = os.read(key.fd, _CHUNK_BYTES)
                read[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
                if len(read[key.fd]) > limits.output_bytes:
                    return read[verdict], read[output][: limits.output_bytes], "output"
    return read[verdict], read[output], ""


def _end(keeper: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(keeper, signal.SIGKILL)
    os.waitpid(keeper, 0)


def _keep(
    call: Callable[[], object], limits: Limits, unsafe: bool, tell: int, write: int, folder: str
) -> NoReturn:
    """The keeper: never returns into the caller's code, whatever happens."""
    with contextlib.suppress(BaseException):
        os.setsid()
        for number in range(1, signal.NSIG):
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
        tell, write = _only(tell, write)
        leave_root()
        try:
            isolate(limits, folder)
        except OSError as error:
            if not unsafe:
                _tell(tell, ending="refused", message=f"cannot be confined here: {error}")
                os._exit(1)
        first = os.fork()
        if first == 0:
            with contextlib.suppress(BaseException):
                die_with_parent()
                _first(call, limits, tell, folder)
            os._exit(1)
        os.waitpid(first, 0)
    os._exit(0)


def _only(tell: int, write: int) -> tuple[int, int]:
    """Of all open files only these stay: nothing to read, output, and the pipe of the verdict, as 0 to 3."""
    tell, write = (os.dup2(one, 1000 + number) for number, one in enumerate((tell, write)))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(write, 1)
    os.dup2(write, 2)
    os.dup2(tell, 3, inheritable=False)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    return 3, 1


def _first(call: Callable[[], object], limits: Limits, tell: int, home: str) -> None:
    """The first process of the namespace: waits for the call; its own end kills what the call left behind."""
    limit(limits)
    clean(home)
    caller = os.fork()
    if caller == 0:
        _call(call, tell)
    while True:
        process, status = os.wait()
        if process == caller:
            break
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        _tell(tell, ending="killed", error=name)
    os._exit(0)


def _call(call: Callable[[], object], tell: int) -> NoReturn:
    own = os.getpid()
    # Not those of the caller, which may write elsewhere, or hold what it has not written yet.
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    try:
        call()
        told: dict[str, Any] = {"ending": "completed"}
    except MemoryError:
        told = {"ending": "memory"}
    except BaseException as error:
        told = {"ending": "raised", "error": type(error).__name__, "message": _message(error)}
    if os.getpid() == own:  # a process that the call forked says nothing
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        with contextlib.suppress(BaseException):
            _tell(tell, **told)
    os._exit(0)


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MAX_MESSAGE]
    except BaseException:
        return ""


def _tell(pipe: int, **told: Any) -> None:
    os.write(pipe, json.dumps(told).encode() + b"\n")
