"""A new study that knows what an old one found out: `kdray resume OLD --fork NEW.yaml`.

A trial of the old sweep is *inherited* where the new sweep could have asked for it: its whole configuration equals
the new base trial but for paths of the new space, and its values of those lie in the space. It enters the new
study with its rungs and its end but without a key, so it is no trial of the new sweep: it is not counted, has no
folder, is not on the new front (`kdray pareto OLD NEW` shows both). The sampler learns from it, halving compares
with it, and its point is not trained again.

`fork.json` in the new folder names the old one, so that a driver that was killed while it inherited goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdray import results, storage
from kdray.config import Sweep, as_data, contains, parse, value_at
from kdray.config import Trial as TrialConfig
from kdray.errors import ConfigError
from kdray.experiment import lifecycle
from kdray.experiment.study import Study
from kdray.results import TrialRecord
from kdray.search.space import Point, Space

FILE = "fork.json"


def mark(old: str | Path, new: Sweep, space: Space, folder: str | Path) -> int:
    """Writes fork.json; how many trials there are to inherit.

    Raises:
        DataError: `old` is no experiment.
        ConfigError: the new sweep is there already, has other objectives, or nothing of the old one fits.
    """
    lifecycle.check_new(folder)
    before = results.read_sweep(old)
    if before.objectives != new.objectives:
        raise ConfigError(
            f"{new.name}: a fork keeps the objectives: {before.objectives} in {before.name}, {new.objectives} here"
        )
    ended = [record for record in results.read(old) if record.state != "running"]
    fitting = [record for record in ended if point_of(record, new, space) is not None]
    if not fitting:
        raise ConfigError(f"{new.name}: no trial of {before.name} fits the new sweep{_why_not(ended, new)}")
    storage.write_json(storage.join(folder, FILE), {"folder": str(old), "name": before.name})
    return len(fitting)


def inherit(folder: str | Path, new: Sweep, space: Space, study: Study) -> None:
    """Puts into the study what fork.json names and the study lacks; without the file, nothing."""
    file = storage.join(folder, FILE)
    if not storage.exists(file):
        return
    old = storage.read_json(file)
    there = {trial.user_attrs["inherited"] for trial in study.inherited()}
    for record in results.read(old["folder"]):
        name = f"{old['name']}/{record.key}"
        point = point_of(record, new, space)
        if record.state != "running" and point is not None and name not in there:
            study.adopt(name, point, record.state, record.rungs, record.reason)


def point_of(record: TrialRecord, new: Sweep, space: Space) -> Point | None:
    """The point of the new space at which an old trial lies; None where it lies outside."""
    config = as_data(parse(TrialConfig, record.trial, record.key))
    point: Point = {}
    for dimension in space.dimensions:
        if dimension.active(point):
            value = value_at(config, dimension.path)
            if value is None or not contains(new.space[dimension.path], value):
                return None
            point[dimension.path] = dimension.cast(value)
    return None if _strange(config, new) else point


def _strange(config: Mapping[str, Any], new: Sweep) -> dict[str, tuple[Any, Any]]:
    """Where an old trial differs from the new base trial outside the new space."""
    changes = lifecycle.differences(config, as_data(new.trial))
    return {
        path: change
        for path, change in changes.items()
        if not any(path == own or path.startswith(f"{own}.") for own in new.space)
    }


def _why_not(records: list[TrialRecord], new: Sweep) -> str:
    for record in records:
        config = as_data(parse(TrialConfig, record.trial, record.key))
        for path, (old, now) in sorted(_strange(config, new).items()):
            return f": {record.key} has {path} {old}, the new base trial {now}"
    return ": all lie outside its space"
