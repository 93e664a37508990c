"""Which processes a Ray of ours consists of, so that what outlives its driver can be told from everybody else's.

Where a driver is killed (SIGKILL, memory), the kernel ends Ray's servers with it, but their agents notice only
after 60 to 90 s. A driver notes the processes of its Ray, each with the moment it started: a number that the
system gave to somebody else in the meantime is no match. Linux only: elsewhere nothing is noted and nothing is
found.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Process:
    """A process and the moment it started, in the system's own count since its start."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether it is there, and no later one under its number."""
        return started(self.pid) == self.started


def started(pid: int) -> str:
    """When a process started: the boot and its clock; "" where there is none, or it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] == "Z" else f"{BOOT.read_text().strip()} {fields[19]}"
    except (OSError, IndexError):
        return ""


def below(pid: int) -> list[Process]:
    """The processes that a process started, and those that they started."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, look = [], [pid]
    while look:
        parent = look.pop()
        children = [child for child, its in parents.items() if its == parent]
        look += children
        found += [Process(child, when) for child in children if (when := started(child))]
    return found


def folder() -> Path:
    """Where drivers of this user note them; nobody else may write there."""
    return Path(tempfile.gettempdir(), f"kdray-ray-{os.getuid()}")


@contextlib.contextmanager
def noted() -> Iterator[None]:
    """Notes what this process started, while the block runs."""
    if not BOOT.exists():
        yield
        return
    place = folder()
    place.mkdir(mode=0o700, exist_ok=True)
    note = place / f"{os.getpid()}.json"
    own = Process(os.getpid(), started(os.getpid()))
    processes = [vars(process) for process in below(os.getpid())]
    note.write_text(json.dumps({"driver": vars(own), "processes": processes}))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def end_left_over() -> list[int]:
    """Ends what drivers of this user that are gone left running; the numbers of those that were ended."""
    ended: list[int] = []
    if not _is_own(folder()):
        return ended
    for note in sorted(folder().glob("*.json")):
        try:
            told = json.loads(note.read_text())
            driver, processes = Process(**told["driver"]), [Process(**one) for one in told["processes"]]
        except (OSError, ValueError, TypeError, KeyError):
            note.unlink(missing_ok=True)  # cut short by a kill: it names nothing
            continue
        if driver.alive:
            continue
        ended += [process.pid for process in processes if _end(process)]
        note.unlink(missing_ok=True)
    return ended


def _is_own(place: Path) -> bool:
    """Whether a folder is there that nobody but this user can have written to."""
    try:
        about = place.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o022


def _end(process: Process) -> bool:
    """Kills a process unless it is gone. It is held while it is compared: its number cannot change hands."""
    try:
        held = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if not process.alive:
            return False
        signal.pidfd_send_signal(held, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(held)
    return True
