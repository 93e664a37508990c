"""The folders that a sweep names, made absolute: workers do not run where the command was typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdray.config import Choice, Range, Sweep
from kdray.storage import is_uri

FOLDERS = ("corpus", "shards", "suite", "test_suite")
"""Settings of a trial that are folders."""


def absolute(sweep: Sweep) -> Sweep:
    """The sweep with local folders made absolute."""
    trial = sweep.trial.model_copy(update={name: _path(getattr(sweep.trial, name)) for name in FOLDERS})
    if trial.teacher and Path(trial.teacher).exists():  # else the name of a model on a hub
        trial = trial.model_copy(update={"teacher": _path(trial.teacher)})
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


def _spec(name: str, spec: Choice | Range) -> Choice | Range:
    when = {other: tuple(_located(other, value) for value in allowed) for other, allowed in spec.when.items()}
    if not isinstance(spec, Choice):
        return spec.model_copy(update={"when": when})
    choices = tuple(_located(name, value) for value in spec.choices)
    return spec.model_copy(update={"choices": choices, "when": when})


def _located(name: str, value: Any) -> Any:
    """A setting's value, absolute where it is a folder."""
    return _path(value) if name in FOLDERS else value


def _path(value: str | None) -> str | None:
    return value if value is None or is_uri(value) else str(Path(value).absolute())
