"""The checkpoint of a trial: one, replaced by a newer one without a moment in which there is none.

In a folder the new one is written beside the old one and takes its place by a rename. Behind a URI nothing
can be renamed and no lock is kept, so there each has a name of its own, and whoever takes up the trial writes
its name into `owner`: who finds another's there has lost the trial and writes no more. What makes a
checkpoint whole is in both places its `rung.json`, which is written last and removed first.
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kdray import storage
from kdray.errors import KdrayError
from kdray.experiment.lock import lock
from kdray.results import MADE_BY

LOCK_WAIT_S = 60.0
MARK = "rung.json"


@dataclass(frozen=True)
class Saved:
    """A checkpoint: where, the rungs before it, the wall time they took, and the fingerprint of its trial (""
    where an older kdray wrote it).
    """

    path: str
    rungs: tuple[dict[str, Any], ...]
    wall_s: float
    trial: str = ""


class Checkpoints(Protocol):
    """What is kept of a trial to go on from."""

    def replace(self, write: Callable[[str], None], mark: Mapping[str, Any]) -> None:
        """Puts what `write(folder)` writes in the place of the checkpoint before; `mark` is what `Saved` says."""

    def newest(self) -> Saved | None:
        """The newest whole one, whatever moment a kill came at."""

    def drop(self) -> None:
        """Deletes all of them."""

    def owned(self) -> contextlib.AbstractContextManager[None]:
        """Keeps every other process from writing; one of a killed sweep may take a moment to be gone."""


def of(trial_folder: str) -> Checkpoints:
    """Those of a trial, by where its folder is."""
    return Remote(trial_folder) if storage.is_uri(trial_folder) else Local(Path(trial_folder))


def _newest(folders: list[str]) -> Saved | None:
    whole = []
    for folder in folders:
        mark = storage.join(folder, MARK)
        if storage.exists(mark):
            data = storage.read_json(mark)
            whole.append(Saved(folder, tuple(data["rungs"]), float(data["wall_s"]), data.get(MADE_BY, "")))
    return max(whole, key=lambda saved: len(saved.rungs), default=None)


class Local:
    """In a folder of this machine or of a shared file system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new, self._now, self._old = (
            folder / name for name in ("checkpoint.new", "checkpoint", "checkpoint.old")
        )

    def replace(self, write: Callable[[str], None], mark: Mapping[str, Any]) -> None:
        """See `Checkpoints`."""
        for leftover in (self._new, self._old):
            shutil.rmtree(leftover, ignore_errors=True)
        self._new.mkdir(parents=True)
        write(str(self._new))
        storage.write_json(self._new / MARK, mark)
        if self._now.exists():
            self._now.rename(self._old)
        self._new.rename(self._now)
        shutil.rmtree(self._old, ignore_errors=True)

    def newest(self) -> Saved | None:
        """See `Checkpoints`."""
        return _newest([str(folder) for folder in (self._new, self._now, self._old)])

    def drop(self) -> None:
        """See `Checkpoints`."""
        for folder in (self._now, self._new, self._old):
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """See `Checkpoints`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with lock(self._folder / ".lock", LOCK_WAIT_S):
            yield


class Remote:
    """Behind a URI."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._id = uuid.uuid4().hex[:12]

    def replace(self, write: Callable[[str], None], mark: Mapping[str, Any]) -> None:
        """See `Checkpoints`. Raises `KdrayError` where another process has taken up the trial."""
        owner = storage.read_bytes(storage.join(self._folder, "owner")).decode()
        if owner != self._id:
            raise KdrayError(f"{self._folder}: taken up by another process")
        new = storage.join(self._folder, f"checkpoint-{len(mark['rungs'])}-{self._id}")
        write(new)
        storage.write_json(storage.join(new, MARK), mark)
        self._delete(folder for folder in self._all() if folder != new)

    def newest(self) -> Saved | None:
        """See `Checkpoints`."""
        return _newest(self._all())

    def drop(self) -> None:
        """See `Checkpoints`."""
        self._delete(self._all())

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """See `Checkpoints`."""
        storage.write_atomic(storage.join(self._folder, "owner"), self._id)
        yield

    def _all(self) -> list[str]:
        names = storage.list_folders(self._folder)
        return [storage.join(self._folder, name) for name in names if name.startswith("checkpoint-")]

    def _delete(self, folders: Iterable[str]) -> None:
        for folder in folders:
            storage.delete(storage.join(folder, MARK))
            storage.delete(folder)
