"""Writes the folder of a trial, a path or a URI; `kdray.results` describes it and reads it.

Every file is written whole, also `results.jsonl`, which has one line a rung. The checkpoint's `rung.json`
holds all rungs so far, so that a trial that is taken up again puts `results.jsonl` right from it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import yaml

from kdray import storage
from kdray.config import Part, as_data
from kdray.experiment import checkpoints
from kdray.experiment.checkpoints import Saved
from kdray.experiment.job import check_key, is_key
from kdray.results import MADE_BY

log = logging.getLogger(__name__)


class TrialFolder:
    """The folder of one trial.

    Args:
        experiment: the experiment folder.
        key: of the trial.
        fingerprint: of the trial (`trial_fingerprint`), written into whatever is written; "" writes none.

    Raises:
        DataError: a key that is no name of a trial; a study may be somebody else's, and its keys make paths.
    """

    def __init__(self, experiment: str | Path, key: str, fingerprint: str = "") -> None:
        check_key(key)
        self.location = storage.join(experiment, "trials", key)
        self._signed = {MADE_BY: fingerprint} if fingerprint else {}
        self._checkpoints = checkpoints.of(self.location)

    def _file(self, name: str) -> str:
        return storage.join(self.location, name)

    def begin(self, trial: Part) -> None:
        """Writes trial.yaml; what was there from an earlier attempt of this trial stays, and what another trial
        made is set aside.
        """
        if self._signed and self._made_by() - {"", self._signed[MADE_BY]}:
            self.set_aside("made with other settings or another signal")
        storage.delete(self._file("state.json"))  # the study says that it has not ended
        write_yaml(self._file("trial.yaml"), trial)

    def write_rungs(self, rungs: Sequence[Mapping[str, Any]]) -> None:
        """Writes results.jsonl."""
        lines = [json.dumps({**rung, **self._signed}) + "\n" for rung in rungs]
        storage.write_atomic(self._file("results.jsonl"), "".join(lines))

    def write_cases(self, cases: Sequence[Mapping[str, Any]]) -> None:
        """Writes cases.jsonl, unless there are none."""
        if cases:
            text = "".join(json.dumps(case) + "\n" for case in cases)
            storage.write_atomic(self._file("cases.jsonl"), text)

    def end(self, state: str, reason: str, seconds: float) -> None:
        """Writes state.json: from here on the trial is finished."""
        storage.write_json(
            self._file("state.json"), {"state": state, "reason": reason, "seconds": seconds} | self._signed
        )

    @property
    def ended(self) -> bool:
        """Whether state.json is there."""
        return storage.exists(self._file("state.json"))

    @property
    def strange(self) -> bool:
        """Whether state.json is another trial's."""
        return bool(self._signed) and _told(self._file("state.json")) not in ("", self._signed[MADE_BY])

    def _made_by(self) -> set[str]:
        """The fingerprints of the trials that what lies here says it is of; "" where it says none."""
        saved = self.saved()
        return {
            _told(self._file("results.jsonl")),
            _told(self._file("state.json")),
            _told(self._file("student/kdray.json")),
            "" if saved is None else saved.trial,
        }

    def set_aside(self, why: str) -> None:
        """Renames the folder, and says so."""
        with self.owned():
            place = storage.set_aside(self.location)
        log.warning("%s: %s: set aside as %s", self.location, why, place.rpartition("/")[2])

    def sign_student(self) -> None:
        """Says in the student's kdray.json whose it is; written last, so it says too that the student is whole."""
        file = self._file("student/kdray.json")
        about = storage.read_json(file) if storage.exists(file) else {}
        storage.write_json(file, about | self._signed)

    @property
    def has_student(self) -> bool:
        """Whether a whole student of this trial is there."""
        return bool(self._signed) and _told(self._file("student/kdray.json")) == self._signed[MADE_BY]

    def save(self, write: Callable[[str], None], rungs: Sequence[Mapping[str, Any]], wall_s: float) -> None:
        """Replaces the checkpoint by what `write(folder)` writes, then results.jsonl."""
        self._checkpoints.replace(write, {"rungs": list(rungs), "wall_s": wall_s} | self._signed)
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


def keys(experiment: str | Path) -> set[str]:
    """The trials that have a folder."""
    return {name for name in storage.list_folders(storage.join(experiment, "trials")) if is_key(name)}


def _told(location: str) -> str:
    """The fingerprint in a JSON file, or in the first line of one of lines; "" where there is none."""
    if not storage.exists(location):
        return ""
    try:
        data = storage.read_bytes(location)
        data = json.loads(data.partition(b"\n")[0] if location.endswith(".jsonl") else data)
    except (ValueError, RecursionError):
        return ""
    return str(data.get(MADE_BY, "")) if isinstance(data, dict) else ""


def write_yaml(path: str | Path, part: Part) -> None:
    """`part` as a YAML file that `kdray.config` reads back to an equal part."""
    storage.write_atomic(path, yaml.safe_dump(as_data(part), sort_keys=False))
