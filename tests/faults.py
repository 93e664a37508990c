"""Faults in every stage of the job, and what must be true after each.

A stage runs in a child process in which one thing goes wrong: a signal at a write or at any moment, a disk that is
full or only read, a clock that is set back, a file that reads short, a list that lacks its last entry. The same
stage then runs again undisturbed, and what it leaves is compared with what must be true: everything that was asked
for has ended, each once, equal to what a run without a fault leaves, with the fingerprint of its own trial, and no
process is left. `tests/test_faults.py` tries some; `python tests/benchmarks/faults.py --faults N` many.
"""

from __future__ import annotations

import ctypes
import errno
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from optuna.storages.journal import JournalFileBackend

from kdray import storage
from kdray.errors import INTERRUPTED_CODE, KdrayError, ending
from kdray.workers.ray_processes import below

FAULTS = (
    "SIGKILL",
    "SIGTERM",
    "SIGINT",
    "disk full",
    "read-only",
    "clock set back",
    "short read",
    "stale list",
    "no memory",
)
SAID, INTERRUPTED, TRACEBACK = 2, 130, 99
HANGS_S = 60.0
YEARS_S = 10 * 365 * 86400.0
SPARE_BYTES = 2**22
"""That a process may still take once it has no memory: the wish of most allocators."""
SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of linux/prctl.h: what a killed child leaves becomes ours, and is seen."""


@dataclass(frozen=True)
class Stage:
    """One stage of the job.

    Attributes:
        name: for the table.
        begin: makes the inputs in an empty folder.
        run: does the stage's work; run again, it goes on.
        found: what it left, to be compared with what a run without a fault leaves. Raises where something is not
            true.
    """

    name: str
    begin: Callable[[Path], None]
    run: Callable[[Path], None]
    found: Callable[[Path], Any]


@dataclass
class Tally:
    """What came of the faults of one kind in one stage; `lost` says each loss in a line."""

    ended: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


class Campaign:
    """Injects faults, one after the other.

    Args:
        stages: what is disturbed.
        root: an empty folder.
        seed: of the moments.
    """

    def __init__(self, stages: list[Stage], root: Path, seed: int) -> None:
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
        self._root, self._rng = root, random.Random(seed)
        self.stages = {stage.name: stage for stage in stages}
        self.tallies: dict[tuple[str, str], Tally] = {}
        self._whole: dict[str, tuple[Any, int, int, float]] = {
            stage.name: self._undisturbed(stage) for stage in stages
        }

    def _undisturbed(self, stage: Stage) -> tuple[Any, int, int, float]:
        """What a whole run leaves, how often it wrote and read, and how long it took."""
        folder = self._fresh(stage)
        counts, begin = self._root / "counts", time.monotonic()
        code = self._child(stage, folder, lambda: Fault("", -1, counts))
        if code:
            raise RuntimeError(f"{stage.name} does not run: {(self._root / 'said').read_text()}")
        writes, reads = map(int, counts.read_text().split())
        return stage.found(folder), writes, reads, time.monotonic() - begin

    def inject(self, name: str, fault: str) -> None:
        """One fault, the run after it, and the look at what there is."""
        stage = self.stages[name]
        whole, writes, reads, seconds = self._whole[name]
        tally = self.tallies.setdefault((name, fault), Tally())
        folder = self._fresh(stage)
        at = self._rng.randint(1, max(1, reads if fault in ("short read", "stale list") else writes))
        after_s = self._rng.uniform(0, seconds) if fault[:3] == "SIG" and self._rng.random() < 0.5 else None
        where = f"{name}, {fault} at {at if after_s is None else f'{after_s:.2f} s'}"
        code = self._child(stage, folder, lambda: Fault(fault if after_s is None else "", at), fault, after_s)
        tally.ended[_ended(code)] += 1
        if code == TRACEBACK:
            tally.lost.append(f"{where}: a traceback: {(self._root / 'said').read_text()[-300:]}")
        self._look(stage, folder, whole, where, tally)

    def _look(self, stage: Stage, folder: Path, whole: Any, where: str, tally: Tally) -> None:
        if orphans := below(os.getpid()):
            tally.lost.append(f"{where}: left running: {orphans}")
        _writable(folder)
        if self._child(stage, folder, lambda: None):
            tally.lost.append(f"{where}: the run after it: {(self._root / 'said').read_text()[-300:]}")
            return
        try:
            found = stage.found(folder)
        except Exception as error:
            tally.lost.append(f"{where}: {type(error).__name__}: {error!s:.300}")
            return
        if found != whole:
            tally.lost.append(f"{where}: {_difference(whole, found)}")

    def _fresh(self, stage: Stage) -> Path:
        folder = self._root / "at"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        stage.begin(folder)
        return folder

    def _child(
        self,
        stage: Stage,
        folder: Path,
        disturb: Callable[[], Any],
        sent: str = "",
        after_s: float | None = None,
    ) -> int:
        """The exit code of a child that runs the stage; negative for a signal."""
        said = self._root / "said"
        said.write_text("")
        pid = os.fork()
        if pid == 0:
            _be_the_child(stage, folder, disturb, said)
        begin, told = time.monotonic(), False
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            passed = time.monotonic() - begin
            if after_s is not None and passed >= after_s and not told:
                os.kill(pid, getattr(signal, sent))
                told = True
            if passed > HANGS_S:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                said.write_text(f"hung for {HANGS_S:.0f} s")
                return TRACEBACK
            time.sleep(0.01)


def _be_the_child(stage: Stage, folder: Path, disturb: Callable[[], Any], said: Path) -> None:
    code, interrupts = 0, list[int]()

    def note(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        log = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        fault = disturb()
        stage.run(folder)
        if fault is not None:
            fault.end()
    except BaseException as error:  # as the command line does
        told = ending(error, bool(interrupts))
        print(*(told or ()), flush=True)
        code = TRACEBACK if told is None else INTERRUPTED if told[1] == INTERRUPTED_CODE else SAID
        if not isinstance(error, KdrayError):
            traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _ended(code: int) -> str:
    names = {0: "went on", SAID: "said in a line", INTERRUPTED: "interrupted", TRACEBACK: "traceback"}
    return "killed" if code < 0 else names.get(code, f"code {code}")


def _writable(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def _difference(whole: Any, found: Any) -> str:
    if isinstance(whole, dict) and isinstance(found, dict):
        odd = [key for key in {**whole, **found} if whole.get(key) != found.get(key)]
        return f"differs from an undisturbed run in {odd[:5]}"
    return f"differs from an undisturbed run: {found!r:.200}"


class Fault:
    """Counts what this process writes and reads, and makes one of it go wrong.

    Args:
        kind: one of `FAULTS`, or "" to count.
        at: which write, or which read.
        counts: where the counts are written at the end.
    """

    def __init__(self, kind: str, at: int, counts: Path | None = None) -> None:
        self._kind, self._at, self._counts = kind, at, counts
        self.writes = self.reads = 0
        for place, name in (
            (os, "replace"), (os, "rename"), (os, "mkdir"), (os, "fsync"), (os, "unlink"), (os, "link"),
            (shutil, "rmtree"), (JournalFileBackend, "append_logs"),
        ):  # fmt: skip
            setattr(place, name, self._written(getattr(place, name), name))
        for name in ("read_bytes", "_listed"):
            setattr(storage, name, self._read(getattr(storage, name), name))

    def end(self) -> None:
        """Writes the counts down."""
        if self._counts is not None:
            self._counts.write_text(f"{self.writes} {self.reads}")

    def _written(self, act: Callable[..., Any], name: str) -> Callable[..., Any]:
        def acting(*args: Any, **kwargs: Any) -> Any:
            self.writes += 1
            if self.writes == self._at and self._kind.startswith("SIG"):
                os.kill(os.getpid(), getattr(signal, self._kind))
            if self.writes == self._at and self._kind == "clock set back":
                now = time.time
                time.time = lambda: now() - YEARS_S
            makes = name in ("replace", "rename", "mkdir", "fsync", "link", "append_logs")
            if self.writes >= self._at > 0 and makes and self._kind == "disk full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if self.writes == self._at and self._kind == "no memory":
                used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                hard = resource.getrlimit(resource.RLIMIT_AS)[1]
                resource.setrlimit(resource.RLIMIT_AS, (used + SPARE_BYTES, hard))
            if self.writes >= self._at > 0 and name != "rmtree" and self._kind == "read-only":
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return act(*args, **kwargs)

        return acting

    def _read(self, act: Callable[..., Any], name: str) -> Callable[..., Any]:
        def acting(*args: Any, **kwargs: Any) -> Any:
            self.reads += 1
            answer = act(*args, **kwargs)
            if self.reads >= self._at > 0 and self._kind == {"read_bytes": "short read"}.get(
                name, "stale list"
            ):
                self._kind = ""
                return answer[: len(answer) // 2] if name == "read_bytes" else answer[:-1]
            return answer

        return acting


def table(tallies: dict[tuple[str, str], Tally]) -> str:
    """Stages by faults, Markdown: how many were injected, and how many lost something."""
    stages = list(dict.fromkeys(name for name, _ in tallies))
    lines = ["| stage | " + " | ".join(FAULTS) + " | faults | lost |", "|---" * (len(FAULTS) + 3) + "|"]
    for name in stages:
        row = [tallies.get((name, fault), Tally()) for fault in FAULTS]
        counts = [sum(tally.ended.values()) for tally in row]
        lost = sum(len(tally.lost) for tally in row)
        lines.append(f"| {name} | {' | '.join(map(str, counts))} | {sum(counts)} | {lost} |")
    return "\n".join(lines)
