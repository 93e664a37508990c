"""Several drivers of one sweep: which one this is, whose turn it is, and which are gone.

Up to `resources.drivers` processes run a sweep at a time, on one study in a database and in one experiment
folder. Each holds the lock of its number, which the system frees when the process ends, however it ends. A trial
carries the number of the driver that trains it, so a trial whose driver's lock is free is nobody's: who takes
that lock for a moment may make the trial its own.

driver0.lock, driver1.lock, ...   held by the drivers while they run
study.lock                        held by the driver whose turn it is to begin a trial, for that moment
capture.lock                      held by the driver that captures what trials read, until that is done
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kdray.errors import ConfigError, KdrayError
from kdray.experiment.lock import Lease, is_leased, lock
from kdray.storage import is_uri

LOCK_WAIT_S = 3.0
"""A look at a lock (`status`, another driver's) holds it for a moment."""
GLANCE_WAIT_S = 0.2
TURN_WAIT_S = 600.0


@dataclass(frozen=True)
class Drivers:
    """The drivers of a sweep, seen by one of them.

    Attributes:
        folder: the experiment folder; None where there is none (simulations), and behind a URI, where there is
            one driver at a time.
        number: of this driver, from 0.
        count: how many there may be.
        check: raises `KdrayError` where this one is no driver any more.
    """

    folder: Path | None = None
    number: int = 0
    count: int = 1
    check: Callable[[], None] = lambda: None

    @property
    def alone(self) -> bool:
        """Whether nobody else may run the sweep meanwhile."""
        return self.count == 1

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Keeps the others from beginning a trial meanwhile."""
        if self.folder is None or self.alone:
            yield
            return
        with lock(self.folder / "study.lock", TURN_WAIT_S):
            yield

    @contextlib.contextmanager
    def gone(self, number: int) -> Iterator[bool]:
        """Whether that driver does not run, nor comes back while the block lasts. This one itself counts."""
        if self.folder is None or number == self.number:
            yield True
            return
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(lock(_lock_of(self.folder, number)))
            except KdrayError:
                yield False
                return
            yield True

    def others(self) -> bool:
        """Whether another one runs."""
        if self.folder is None:
            return False
        own = _lock_of(self.folder, self.number)
        return any(_is_held(path, GLANCE_WAIT_S) for path in _locks(self.folder) if path != own)


ALONE = Drivers()


@contextlib.contextmanager
def join(folder: str, count: int) -> Iterator[Drivers]:
    """Becomes one of at most `count` drivers.

    Raises:
        ConfigError: several, behind a URI.
        KdrayError: there are as many already.
    """
    if is_uri(folder):
        if count > 1:
            raise ConfigError(
                f"resources.drivers: {count} drivers need a folder with locks, which '{folder}' has not"
            )
        lease = Lease(folder)
        with lease.held():
            yield Drivers(check=lease.check)
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    with _joined(Path(folder), count) as own:
        yield own


@contextlib.contextmanager
def _joined(folder: Path, count: int) -> Iterator[Drivers]:
    with contextlib.ExitStack() as held:
        for number in range(count):
            try:
                held.enter_context(lock(_lock_of(folder, number), LOCK_WAIT_S if number == count - 1 else 0))
            except KdrayError:
                if number == count - 1:
                    raise
            else:
                break
        yield Drivers(folder, number, count)


@contextlib.contextmanager
def alone_at(work: str, folder: str, count: int, say: Callable[[str], None]) -> Iterator[None]:
    """Keeps the sweep's other drivers, of which there may be `count` in all, from the same work meanwhile."""
    if count == 1 or is_uri(folder):
        yield
        return
    path = Path(folder) / f"{work}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock(path))
        except KdrayError:
            say(f"{work:<9} another driver of the sweep is at it: waiting")
            held.enter_context(lock(path, math.inf))
        yield


def alive(folder: str) -> int:
    """How many processes run the sweep."""
    return int(is_leased(folder)) if is_uri(folder) else sum(_is_held(path) for path in _locks(Path(folder)))


def _lock_of(folder: Path, number: int) -> Path:
    return folder / f"driver{number}.lock"


def _locks(folder: Path) -> list[Path]:
    return sorted(folder.glob("driver*.lock"))


def _is_held(path: Path, wait_s: float = 0.0) -> bool:
    try:
        with lock(path, wait_s):
            return False
    except KdrayError:
        return True
