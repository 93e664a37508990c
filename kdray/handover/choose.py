"""Which trial is meant: by its key, the front's knee, or the best in one metric.

Only a complete trial whose student is still on disk can be shipped: a sweep keeps the students of its front
and may delete the others'.
"""

from __future__ import annotations

from collections.abc import Sequence

from kdray.errors import ConfigError, DataError, nearest
from kdray.report.front import Front, complete, front, metric_names
from kdray.report.payload import direction
from kdray.results import MADE_BY, Experiment, TrialRecord
from kdray.storage import exists, join, read_json

WEIGHTS = "model.safetensors"


def student_folder(experiment: Experiment, key: str) -> str:
    """Where a trial's trained student lies."""
    return join(experiment.folder, "trials", key, "student")


def has_student(experiment: Experiment, key: str) -> bool:
    """Whether it is still there."""
    return exists(join(student_folder(experiment, key), WEIGHTS))


def exportable(experiment: Experiment) -> list[str]:
    """Keys of the complete trials whose student is on disk."""
    return [record.key for record in complete(experiment.records) if has_student(experiment, record.key)]


def choose(
    experiment: Experiment,
    *,
    trial: str | None = None,
    knee: bool = False,
    best: str | None = None,
    where: Sequence[str] = (),
    on_disk: bool = True,
) -> TrialRecord:
    """The one trial that is asked for.

    Args:
        experiment: the folder as read.
        trial: its key.
        knee: the knee of the front over the sweep's objectives; where settings were trained again with further
            seeds, of these, on their means.
        best: a recorded metric, chosen in the same way; the way that is better is the objective's, else told by
            the metric's name.
        where: filters on the candidates of `knee` and `best`, such as `student_params <= 2e6`.
        on_disk: whether its student must be there, and be its own.

    Raises:
        ConfigError: none or several ways of choosing, an unknown trial or metric, no candidate.
        DataError: the trial was not finished, or its student was deleted; names those that can be exported.
    """
    if sum((trial is not None, knee, best is not None)) != 1:
        raise ConfigError("name one trial, or --knee, or --best METRIC")
    if trial is not None:
        if where:
            raise ConfigError("a filter has no effect on a trial named by its key: leave one of them out")
        chosen = _named(experiment, trial)
    else:
        judged = front(experiment.records, experiment.sweep.objectives, where=where)
        if not judged.candidates:
            raise ConfigError("no complete trial keeps the filters")
        chosen = _best(judged, best) if best else _knee(judged)
    if on_disk:
        _check_on_disk(experiment, chosen)
    return chosen


def _check_on_disk(experiment: Experiment, record: TrialRecord) -> None:
    """Raises `DataError` where there is no student, or it is another trial's than the results."""
    if not has_student(experiment, record.key):
        raise DataError(f"{_why_not(experiment, record)}; to be exported: {_listed(exportable(experiment))}")
    about = join(student_folder(experiment, record.key), "kdray.json")
    made_by = read_json(about).get(MADE_BY, "") if exists(about) else ""
    if record.fingerprint and made_by and made_by != record.fingerprint:
        raise DataError(
            f"{about}: the student is of trial {made_by}, the results are of {record.fingerprint}"
        )


def _named(experiment: Experiment, key: str) -> TrialRecord:
    by_key = {record.key: record for record in experiment.records}
    if key not in by_key:
        raise ConfigError(f"{experiment.sweep.name} has no trial '{key}'{nearest(key, by_key)}")
    return by_key[key]


def _knee(judged: Front) -> TrialRecord:
    assert judged.knee is not None  # noqa: S101 - there are candidates
    return judged.candidates[judged.knee]


def _best(judged: Front, metric: str) -> TrialRecord:
    known = metric_names(judged.candidates)
    if metric not in known:
        raise ConfigError(f"--best: no complete trial recorded '{metric}'{nearest(metric, known)}")
    way = judged.objectives.get(metric) or direction(metric)
    if way is None:
        raise ConfigError(f"--best: whether more '{metric}' is better is not known: name a trial instead")
    sign = -1.0 if way == "max" else 1.0
    told = judged.choosing(metric)
    return judged.candidates[min(told, key=lambda place: (sign * told[place], place))]


def _why_not(experiment: Experiment, record: TrialRecord) -> str:
    if record.state != "complete":
        return f"{record.key} of {experiment.sweep.name} is {record.state}: it has no trained student"
    return (
        f"{record.key} of {experiment.sweep.name}: its student was deleted (a sweep keeps those of its front)"
    )


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys) if keys else "none"
