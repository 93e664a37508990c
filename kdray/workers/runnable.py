"""What an attempt trains, by its face; and how it writes to and reads from a URI.

DeepSpeed and transformers write files, so what is to stand behind a URI is made in `$TMPDIR` and carried
over, by each process of a trial its own part.
"""

from __future__ import annotations

import contextlib
import importlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from kdray import storage
from kdray.config import Trial
from kdray.errors import KdrayError


class Run(Protocol):
    """What an attempt trains; `kdray.train.TrialRun` is one."""

    @property
    def done(self) -> bool:
        """Whether the last rung was reached."""

    def next_rung(self) -> Mapping[str, Any]:
        """Trains to the next rung and evaluates; raises `TrialFailed` where the trial cannot go on."""

    def save(self, folder: str) -> None:
        """Writes a checkpoint."""

    def load(self, folder: str) -> None:
        """Goes back to a checkpoint."""

    def export(self, folder: str) -> None:
        """Writes the trained student."""

    def close(self) -> None:
        """Frees everything, so that another run can begin in this process."""


def load_factory(path: str) -> Callable[..., Run]:
    """The class behind `module:Class`. Raises `KdrayError`."""
    module, _, attribute = path.partition(":")
    try:
        factory: Callable[..., Run] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise KdrayError(f"trial factory '{path}': {error}") from error
    return factory


def open_run(factory: str, trial: Trial, *world: Any) -> Carried:
    """The run of a trial in this process; `world` where it is one of several. Raises `KdrayError`."""
    return Carried(load_factory(factory)(trial, *world))


class Carried:
    """`run`, with a path or a URI wherever it takes a folder.

    Raises:
        StorageError: the disk is full, or the endpoint does not answer.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def done(self) -> bool:
        """See `Run`."""
        return self._run.done

    @property
    def worst_cases(self) -> Sequence[Mapping[str, Any]]:
        """Those of the run, where it keeps any."""
        cases: Sequence[Mapping[str, Any]] = getattr(self._run, "worst_cases", ())
        return cases

    def next_rung(self) -> Mapping[str, Any]:
        """See `Run`."""
        return self._run.next_rung()

    def save(self, folder: str) -> None:
        """See `Run`."""
        with _carried_to(folder) as local:
            self._run.save(local)

    def load(self, folder: str) -> None:
        """See `Run`."""
        if not storage.is_uri(folder):
            self._run.load(folder)
            return
        with _passing() as local:
            storage.download(folder, Path(local))
            self._run.load(local)

    def export(self, folder: str) -> None:
        """See `Run`."""
        with _carried_to(folder) as local:
            self._run.export(local)

    def close(self) -> None:
        """See `Run`."""
        self._run.close()


@contextlib.contextmanager
def _carried_to(folder: str) -> Iterator[str]:
    """Where to write what is to stand in `folder`."""
    if not storage.is_uri(folder):
        with storage.room(folder):
            yield folder
        return
    with _passing() as local:
        yield local
        storage.upload(Path(local), folder)


@contextlib.contextmanager
def _passing() -> Iterator[str]:
    """A folder on this machine's disk for a moment."""
    with storage.room(tempfile.gettempdir()), tempfile.TemporaryDirectory(prefix="kdray-") as local:
        yield local
