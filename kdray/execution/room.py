"""Where confined calls are made: the first process of a process namespace forks a child for each, waits for it,
kills whatever it left behind, and gives the next an empty folder.

It keeps its capabilities, which no child has: none of them can trace it, and signals from within its namespace do
not reach it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from fcntl import F_DUPFD, fcntl
from select import select
from typing import Any, NoReturn

from kdray.execution.confinement import Limits, clean, die_with_parent, empty, limit

MAX_MESSAGE = 500
ENDINGS = ("completed", "raised", "memory")
"""What a child says of itself."""
_CHUNK_BYTES = 2**16
_PATIENCE_S = 0.02
"""Between two looks at whether a child that says nothing has ended."""


def make_calls(
    calls: Sequence[Callable[[], object]], limits: Limits, tell: int, home: str, *, isolated: bool
) -> None:
    """Makes the calls one after the other.

    Args:
        calls: what is called.
        limits: of each call.
        tell: a file, where a line of JSON is written for each: the fields of an `Outcome`.
        home: their working folder, empty for each.
        isolated: whether this process is in namespaces of its own.
    """
    for call in calls:
        if isolated:
            empty(home, limits)
        told = _made(call, limits, tell, home)
        os.write(tell, json.dumps(told | {"output": told["output"].decode("latin-1")}).encode() + b"\n")


def _made(call: Callable[[], object], limits: Limits, tell: int, home: str) -> dict[str, Any]:
    (verdict, say), (output, write) = os.pipe(), os.pipe()
    token = secrets.token_hex(8)
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.close(tell)
            _only(say, write)
            os.setsid()
            die_with_parent()
            limit(limits)
            clean(home)
            _signals_of_python()
            _call(call, 3, token)
        os._exit(1)
    os.close(say)
    os.close(write)
    pipes = _Pipes(verdict, output, limits.output_bytes, token)
    try:
        limit_reached = _waited(child, pipes, time.monotonic() + limits.wall_seconds)
        status = _killed(child)
        pipes.drain()
        return _told(limit_reached, status, pipes)
    finally:
        os.close(verdict)
        os.close(output)


class _Pipes:
    """What a child has said and written so far."""

    def __init__(self, verdict: int, output: int, output_bytes: int, token: str) -> None:
        self._read = {verdict: b"", output: b""}
        self._verdict, self._output, self._most = verdict, output, output_bytes
        self._open = [verdict, output]
        self._begin = f"{token} ".encode()
        for pipe in self._open:
            os.set_blocking(pipe, False)

    @property
    def line(self) -> bytes:
        """The verdict: the first whole line that begins as this run's does; the call may have written others."""
        lines = self._read[self._verdict].split(b"\n")[:-1]
        return next((line for line in lines if line.startswith(self._begin)), b"").removeprefix(self._begin)

    @property
    def has_verdict(self) -> bool:
        return bool(self.line)

    @property
    def is_too_much(self) -> bool:
        return max(map(len, self._read.values())) > self._most

    @property
    def output(self) -> bytes:
        return self._read[self._output][: self._most]

    def take(self, seconds: float) -> None:
        """Waits for something, at most so long, and reads a piece of it."""
        if not self._open:
            time.sleep(min(seconds, 0.001))
            return
        for pipe in select(self._open, [], [], seconds)[0]:
            data = os.read(pipe, _CHUNK_BYTES)
            self._read[pipe] += data
            if not data:
                self._open.remove(pipe)

    def drain(self) -> None:
        """Reads what is there, and waits for nothing."""
        while self._open and not self.is_too_much and select(self._open, [], [], 0)[0]:
            self.take(0)


def _waited(child: int, pipes: _Pipes, deadline: float) -> str:
    """The limit that it reached, or "" where it has ended or has said how its call ended."""
    while not pipes.has_verdict:
        left = deadline - time.monotonic()
        if left <= 0:
            return "time"
        pipes.take(min(left, _PATIENCE_S))
        if pipes.is_too_much:
            return "output"
        # Its number stays taken until it is waited for: nobody else's is killed by it.
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
    return ""


def _killed(child: int) -> int:
    """Kills the child and all that it started; its status."""
    is_first = os.getpid() == 1  # of a process namespace: nobody else's processes are in there
    for kill, number in ((os.kill, -1),) if is_first else ((os.killpg, child), (os.kill, child)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(number, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    with contextlib.suppress(ChildProcessError):
        while is_first:  # it inherits what lost its parent
            os.wait()
    return status


def _told(limit_reached: str, status: int, pipes: _Pipes) -> dict[str, Any]:
    if limit_reached:
        return {"ending": limit_reached, "output": pipes.output}
    with contextlib.suppress(ValueError, TypeError, AttributeError):  # the child may have written anything
        told = json.loads(pipes.line)
        if told.get("ending") in ENDINGS:
            known = {name: str(told[name]) for name in ("ending", "error", "message") if name in told}
            return known | {"output": pipes.output}
    if not pipes.has_verdict and os.WIFSIGNALED(status):
        return {
            "ending": "killed", "error": signal.Signals(os.WTERMSIG(status)).name, "output": pipes.output,
        }  # fmt: skip
    return {"ending": "exited", "output": pipes.output}


def _only(say: int, write: int) -> None:
    """Of all open files only these stay: nothing to read, output, and the pipe of the verdict, as 0 to 3."""
    say, write = (fcntl(one, F_DUPFD, 4) for one in (say, write))
    os.dup2(write, 1)
    os.dup2(write, 2)
    os.dup2(say, 3, inheritable=False)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))


def _signals_of_python() -> None:
    """As a fresh interpreter has them, so that exceptions come of them."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _call(call: Callable[[], object], say: int, token: str) -> NoReturn:
    # What is needed later, by names that nothing can be put in place of.
    own, pid, dumps, write, leave = os.getpid(), os.getpid, json.dumps, os.write, os._exit
    # Not those of the caller, which may write elsewhere, or hold what it has not written yet.
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    try:
        call()
        told: dict[str, Any] = {"ending": "completed"}
    except MemoryError:
        told = {"ending": "memory"}
    except BaseException as error:
        told = {"ending": "raised", "error": _name(error), "message": _message(error)}
    if pid() == own:  # a process that the call forked says nothing
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        with contextlib.suppress(BaseException):
            write(say, f"\n{token} {dumps(told)}\n".encode())
    leave(0)


def _name(error: BaseException) -> str:
    """Of its kind; what is an `AssertionError` is called so, whatever else it is."""
    return "AssertionError" if issubclass(type(error), AssertionError) else type(error).__name__


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MAX_MESSAGE]
    except BaseException:
        return ""
