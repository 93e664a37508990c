"""The folders that a sweep names, made absolute: workers do not run where the command was typed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdray.config import Choice, Range, Sweep
from kdray.config.trial import EvaluationConfig
from kdray.errors import ConfigError
from kdray.results import read
from kdray.storage import is_uri

FOLDERS = ("corpus", "shards", "suite", "test_suite")
"""Settings of a trial that are folders."""
NAMES = ("teacher", "student.checkpoint")
"""Those that are folders, or names of models on a hub."""


def absolute(sweep: Sweep) -> Sweep:
    """The sweep with local folders made absolute."""
    trial = sweep.trial.model_copy(update={name: _path(getattr(sweep.trial, name)) for name in FOLDERS})
    student = trial.student.model_copy(update=_student(dict(trial.student)))
    trial = trial.model_copy(update={"teacher": _name(trial.teacher), "student": student})
    trial = trial.model_copy(update={"evaluation": _evaluation(trial.evaluation)})
    stores = {_path(folder): store for folder, store in sweep.capture.stores.items()}
    start = tuple({name: _located(name, value) for name, value in p.items()} for p in sweep.search.start)
    changed = {
        "trial": trial,
        "storage": _path(sweep.storage),
        "capture": sweep.capture.model_copy(update={"stores": stores}),
        "space": {name: _spec(name, spec) for name, spec in sweep.space.items()},
        "search": sweep.search.model_copy(update={"start": start}),
    }
    return sweep.model_copy(update=changed)


def where_it_lies(sweep: Sweep, folder: str) -> Sweep:
    """The sweep of an experiment folder with `storage` as the folder that it lies in, whatever its file says: a
    copy does not go on in the original, and one from somebody else not in a place of his choice.

    Raises:
        ConfigError: the folder has another name than the sweep.
    """
    if is_uri(folder):
        path, mark, query = folder.partition("?")
    else:
        path, mark, query = str(Path(folder).absolute()), "", ""
    parent, _, name = path.rstrip("/").rpartition("/")
    if name != sweep.name:
        raise ConfigError(
            f"{folder}: the folder of sweep '{sweep.name}' must have its name to be gone on with"
        )
    return sweep.model_copy(update={"storage": (parent or "/") + mark + query})


def check_trials(trials: int, folder: str, *, asked: bool) -> None:
    """Refuses to ask for fewer trials than have ended in the experiment that is `asked` for more.

    Raises:
        ConfigError: with their number.
    """
    searched = [record for record in read(folder) if not record.confirms] if asked else []
    ended = sum(record.state != "running" for record in searched)
    if trials < max(ended, 1):
        raise ConfigError(
            f"--trials {trials}: {ended} trials have ended in {folder}: ask for as many or more"
        )


def _spec(name: str, spec: Choice | Range) -> Choice | Range:
    when = {other: tuple(_located(other, value) for value in allowed) for other, allowed in spec.when.items()}
    if not isinstance(spec, Choice):
        return spec.model_copy(update={"when": when})
    choices = tuple(_located(name, value) for value in spec.choices)
    return spec.model_copy(update={"choices": choices, "when": when})


def _located(name: str, value: Any) -> Any:
    """A setting's value, absolute where it is a folder."""
    if name == "student" and isinstance(value, Mapping):
        return {**value, **_student(value)}
    if name in NAMES:
        return _name(value)
    return _path(value) if name in FOLDERS else value


def _evaluation(config: EvaluationConfig) -> EvaluationConfig:
    if config.execution is None or not config.execution.classpath:
        return config
    parts = [_path(part) or "" for part in config.execution.classpath.split(os.pathsep) if part]
    execution = config.execution.model_copy(update={"classpath": os.pathsep.join(parts)})
    return config.model_copy(update={"execution": execution})


def _student(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What changes of a student's fields."""
    return {"checkpoint": _name(fields["checkpoint"])} if "checkpoint" in fields else {}


def _name(value: str | None) -> str | None:
    """Absolute where it is a folder, else the name of a model on a hub."""
    return _path(value) if value and Path(value).exists() else value


def _path(value: str | None) -> str | None:
    return value if value is None or is_uri(value) else str(Path(value).absolute())
