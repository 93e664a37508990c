"""Writes the folder of a trial, a path or a URI; `kdray.results` describes it and reads it.

Every file is written whole, also `results.jsonl`, which has one line a rung. The checkpoint's `rung.json`
holds all rungs so far, so that a trial that is taken up again puts `results.jsonl` right from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import yaml

from kdray import storage
from kdray.config import Part, as_data
from kdray.experiment import checkpoints
from kdray.experiment.checkpoints import Saved
from kdray.experiment.job import check_key


class TrialFolder:
    """The folder of one trial.

    Raises:
        DataError: a key that is no name of a trial; a study may be somebody else's, and its keys make paths.
    """

    def __init__(self, experiment: str | Path, key: str) -> None:
        check_key(key)
        self.location = storage.join(experiment, "trials", key)
        self._checkpoints = checkpoints.of(self.location)

    def _file(self, name: str) -> str:
        return storage.join(self.location, name)

    def begin(self, trial: Part) -> None:
        """Writes trial.yaml; what was there from an earlier attempt stays."""
        write_yaml(self._file("trial.yaml"), trial)

    def write_rungs(self, rungs: Sequence[Mapping[str, Any]]) -> None:
        """Writes results.jsonl."""
        storage.write_atomic(self._file("results.jsonl"), "".join(json.dumps(rung) + "\n" for rung in rungs))

    def write_cases(self, cases: Sequence[Mapping[str, Any]]) -> None:
        """Writes cases.jsonl, unless there are none."""
        if cases:
            text = "".join(json.dumps(case) + "\n" for case in cases)
            storage.write_atomic(self._file("cases.jsonl"), text)

    def end(self, state: str, reason: str, seconds: float) -> None:
        """Writes state.json: from here on the trial is finished."""
        storage.write_json(self._file("state.json"), {"state": state, "reason": reason, "seconds": seconds})

    @property
    def ended(self) -> bool:
        """Whether state.json is there."""
        return storage.exists(self._file("state.json"))

    def save(self, write: Callable[[str], None], rungs: Sequence[Mapping[str, Any]], wall_s: float) -> None:
        """Replaces the checkpoint by what `write(folder)` writes, then results.jsonl."""
        self._checkpoints.replace(write, {"rungs": list(rungs), "wall_s": wall_s})
        self.write_rungs(rungs)

    def saved(self) -> Saved | None:
        """The newest whole checkpoint, whatever moment a kill came at."""
        return self._checkpoints.newest()

    def drop_checkpoint(self) -> None:
        """Deletes the checkpoint in all its stages."""
        self._checkpoints.drop()

    def owned(self) -> AbstractContextManager[None]:
        """Keeps every other process from writing here."""
        return self._checkpoints.owned()


def write_yaml(path: str | Path, part: Part) -> None:
    """`part` as a YAML file that `kdray.config` reads back to an equal part."""
    storage.write_atomic(path, yaml.safe_dump(as_data(part), sort_keys=False))
