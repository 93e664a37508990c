"""Writes the folder of a trial; `kdray.results` describes it and reads it.

Every file is written whole and renamed, also `results.jsonl`, which has one line a rung. A checkpoint is
written beside the old one and takes its place when it is whole: its `rung.json` is written last, and holds
all rungs so far, so that a trial that is taken up again puts `results.jsonl` right from it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kdray import storage
from kdray.config import Part, as_data
from kdray.errors import KdrayError

LOCK_WAIT_S = 60.0


@dataclass(frozen=True)
class Saved:
    """A checkpoint: where, the rungs before it, and the wall time they took."""

    path: str
    rungs: tuple[dict[str, Any], ...]
    wall_s: float


class TrialFolder:
    """The folder of one trial."""

    def __init__(self, experiment: str | Path, key: str) -> None:
        self.path = Path(experiment) / "trials" / key

    def begin(self, trial: Part) -> None:
        """Writes trial.yaml; what was there from an earlier attempt stays."""
        write_yaml(self.path / "trial.yaml", trial)

    def write_rungs(self, rungs: Sequence[Mapping[str, Any]]) -> None:
        """Writes results.jsonl."""
        storage.write_atomic(self.path / "results.jsonl", "".join(json.dumps(rung) + "\n" for rung in rungs))

    def write_cases(self, cases: Sequence[Mapping[str, Any]]) -> None:
        """Writes cases.jsonl, unless there are none."""
        if cases:
            text = "".join(json.dumps(case) + "\n" for case in cases)
            storage.write_atomic(self.path / "cases.jsonl", text)

    def end(self, state: str, reason: str, seconds: float) -> None:
        """Writes state.json: from here on the trial is finished."""
        storage.write_json(self.path / "state.json", {"state": state, "reason": reason, "seconds": seconds})

    @property
    def ended(self) -> bool:
        """Whether state.json is there."""
        return (self.path / "state.json").exists()

    def save(self, write: Callable[[str], None], rungs: Sequence[Mapping[str, Any]], wall_s: float) -> None:
        """Replaces the checkpoint by what `write(folder)` writes, then results.jsonl."""
        new, now, old = (self.path / name for name in ("checkpoint.new", "checkpoint", "checkpoint.old"))
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)
        new.mkdir(parents=True)
        write(str(new))
        storage.write_json(new / "rung.json", {"rungs": list(rungs), "wall_s": wall_s})
        if now.exists():
            now.rename(old)
        new.rename(now)
        shutil.rmtree(old, ignore_errors=True)
        self.write_rungs(rungs)

    def saved(self) -> Saved | None:
        """The newest whole checkpoint, whatever moment a kill came at."""
        found = []
        for name in ("checkpoint.new", "checkpoint", "checkpoint.old"):
            mark = self.path / name / "rung.json"
            if mark.exists():
                data = storage.read_json(mark)
                found.append(Saved(str(mark.parent), tuple(data["rungs"]), float(data["wall_s"])))
        return max(found, key=lambda saved: len(saved.rungs), default=None)

    def drop_checkpoint(self) -> None:
        """Deletes the checkpoint in all its stages."""
        for name in ("checkpoint", "checkpoint.new", "checkpoint.old"):
            shutil.rmtree(self.path / name, ignore_errors=True)

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """Keeps every other process out of this folder; a worker of a killed sweep may take a moment to be
        gone.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with lock(self.path / ".lock", LOCK_WAIT_S):
            yield


@contextlib.contextmanager
def lock(path: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Holds a lock that the system frees when this process ends, however it ends. Raises `KdrayError` where
    it is taken.
    """
    import fcntl
    import time

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
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def write_yaml(path: Path, part: Part) -> None:
    """`part` as a YAML file that `kdray.config` reads back to an equal part."""
    storage.write_atomic(path, yaml.safe_dump(as_data(part), sort_keys=False))
