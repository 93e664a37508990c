"""Which trial made a file: a fingerprint of its settings and of what it reads.

A key says nothing about that: a journal that lost its tail gives `t0007` again, to other settings. So whatever a
trial leaves behind carries the fingerprint of the trial: `rung.json` of a checkpoint, each line of results.jsonl,
state.json and the student's kdray.json, under `trial`.

Where things lie is not part of it, for folders move; what is in them is: the manifests of signal and suite. Nor
are settings that have their default, so that a kdray with one more setting knows what an older one trained.
"""

from __future__ import annotations

import json

from kdray import storage
from kdray.config import Trial
from kdray.teacher.manifest import FILE

_PLACES = {"corpus", "teacher", "shards", "suite", "test_suite"}


def trial_fingerprint(trial: Trial) -> str:
    """16 hex digits. Raises `StorageError` where the signal's endpoint does not answer."""
    settings = trial.model_dump(mode="json", exclude=_PLACES, exclude_defaults=True)
    read = [_content(trial.shards), _content(trial.suite)]
    return storage.fingerprint(json.dumps(settings, sort_keys=True), *read)


def _content(folder: str | None) -> bytes | str:
    """The manifest of a folder; its name where it has none, as before a capture."""
    if folder is None:
        return ""
    manifest = storage.join(folder, FILE)
    return storage.read_bytes(manifest) if storage.exists(manifest) else folder
