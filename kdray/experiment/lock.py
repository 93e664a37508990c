"""Locks: one that the system keeps in a file, and one that a process keeps alive behind a URI.

A `Lease` is a claim, an object of one's own in a folder, which is written again every `BEAT_S`. Who wants the
lease writes a claim and looks at the others': as long as one of them changes it is refused, and one that has
not changed for `BEATS` beats is of a process that is dead, and removed. Whoever finds its own claim gone has
lost the lease. Object stores have no common clock that can be trusted, so between a look at one's claim and the
write that follows there is a moment in which a process that was held up for longer than the `BEATS` beats could
write as a second one: into the study it cannot where the store knows conditions (see `journal_pieces`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from kdray import storage
from kdray.errors import DataError, KdrayError

log = logging.getLogger(__name__)

BEAT_S, BEATS = 5.0, 6


@contextlib.contextmanager
def lock(path: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Holds a lock that the system frees when this process ends, however it ends. Raises `KdrayError` where
    it is taken.
    """
    import fcntl

    deadline = time.monotonic() + wait_s
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise KdrayError(f"{path.parent}: in use by another kdray process") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


class Lease:
    """The one lock of a folder behind a URI.

    Args:
        folder: a URI; the claims stand in `driver.lock` below it.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._name = uuid.uuid4().hex
        self._mine = storage.join(folder, "driver.lock", self._name)
        self._beat = 0
        self._over = threading.Event()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Holds it while the block runs. Raises `KdrayError` where another process does."""
        self._renew()
        try:
            self._outwait()
            beating = threading.Thread(target=self._live, daemon=True)
            beating.start()
            try:
                yield
            finally:
                self._over.set()
                beating.join(BEAT_S)
        finally:
            storage.delete(self._mine)

    def check(self) -> None:
        """Raises `KdrayError` where this process has lost it."""
        if not storage.exists(self._mine):
            raise KdrayError(f"{self._folder}: taken over by another kdray process")

    def _renew(self) -> None:
        self._beat += 1
        claim = {"host": socket.gethostname(), "pid": os.getpid(), "beat": self._beat}
        storage.write_atomic(self._mine, json.dumps(claim))

    def _outwait(self) -> None:
        """Returns once every other claim is a dead process's, and removed."""
        others = claims(self._folder, but=self._name)
        if others:
            log.warning(
                "%s: waiting %.0f s for a sign of life of its last driver", self._folder, BEATS * BEAT_S
            )
        for _ in range(BEATS if others else 0):
            time.sleep(BEAT_S)
            self.check()
            self._renew()  # so that another one that waits sees that this one lives
            now = claims(self._folder, but=self._name)
            if any(others.get(name) != claim for name, claim in now.items()):
                raise KdrayError(f"{self._folder}: in use by another kdray process")
            others = now
            if not others:
                return
        for name in others:
            storage.delete(storage.join(self._folder, "driver.lock", name))

    def _live(self) -> None:
        while not self._over.wait(BEAT_S):
            with contextlib.suppress(KdrayError):  # the next write of the sweep will say so
                if not storage.exists(self._mine):
                    return
                self._renew()


def claims(folder: str, but: str = "") -> dict[str, bytes]:
    """Name of each claim on a folder -> what it says now."""
    now = {}
    for name in storage.list_files(storage.join(folder, "driver.lock")):
        with contextlib.suppress(DataError):  # gone meanwhile
            if name != but:
                now[name] = storage.read_bytes(storage.join(folder, "driver.lock", name))
    return now


def is_leased(folder: str) -> bool:
    """Whether a process keeps a claim alive; takes up to two beats where there is one."""
    before = claims(folder)
    until = time.monotonic() + 2 * BEAT_S
    while before and time.monotonic() < until:
        time.sleep(BEAT_S / 5)
        if claims(folder) != before:
            return True
    return False
