"""Where a report's numbers come from: an experiment folder, a table that stands in for one (`csv_table`), or the
folder of a teacher, read as a sweep of one trial whose rungs are its learning curve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kdray import results, storage
from kdray.config import Sweep
from kdray.errors import DataError
from kdray.report import csv_table
from kdray.report.front import metric_names
from kdray.results import Experiment, TrialRecord

TEACHER = "training.json"


@dataclass(frozen=True)
class Source:
    """What a report needs of a sweep, from its experiment folder or from a table.

    Attributes:
        name: where it was read.
        records: every trial, by number. A launched trial's folders are absolute; here those beside the sweep's
            storage are relative, so that a table names no machine and a trial launched elsewhere is the same.
        baselines: name -> metrics of the teacher and of what needs no learning.
        objectives: the sweep's; of a table, which does not say them, accuracy and discrepancy as far as it has
            them.
        experiment: the folder, None for a table.
    """

    name: str
    records: list[TrialRecord]
    baselines: dict[str, dict[str, Any]]
    objectives: dict[str, str]
    experiment: Experiment | None = None


def source(location: str) -> Source:
    """An experiment folder, a `.csv` that `kdray pareto --csv` wrote, or a teacher's folder. Raises what reading
    any of them raises.
    """
    if location.endswith(".csv"):
        records, baselines = csv_table.read(location)
        return Source(location, records, baselines, _objectives(records))
    if storage.exists(storage.join(location, TEACHER)):
        return _teacher(location)
    experiment = results.experiment(location)
    records = [_moved(record, _beside(experiment.sweep)) for record in experiment.records]
    return Source(location, records, experiment.baselines, dict(experiment.sweep.objectives), experiment)


def bare(location: str) -> str:
    """The last part of where a source was read, without a table's ending."""
    return location.rstrip("/").rpartition("/")[2].removesuffix(".csv")


def _teacher(location: str) -> Source:
    done = storage.read_json(storage.join(location, TEACHER))
    try:
        trial, curve, seconds = done["recipe"], tuple(done["learning_curve"]), done["seconds"]
    except KeyError as error:
        raise DataError(f"{location}/{TEACHER}: no field {error}") from None
    return Source(location, [TrialRecord("t0000", 0, "complete", {}, trial, curve, "", seconds)], {}, {})


def _beside(sweep: Sweep) -> str:
    """The folder that a launched sweep's storage lies in, with its slash; empty where it is not absolute."""
    return sweep.storage.rstrip("/").rpartition("/")[0] + "/" if sweep.storage.startswith("/") else ""


def _moved(record: TrialRecord, root: str) -> TrialRecord:
    if not root:
        return record
    trial, chosen = _below(record.trial, root), _below(record.overrides, root)
    return replace(record, trial=trial, overrides=chosen, reason=record.reason.replace(root, ""))


def _below(setting: Any, root: str) -> Any:
    """The same with paths below `root` relative to it."""
    if isinstance(setting, Mapping):
        return {key: _below(part, root) for key, part in setting.items()}
    if isinstance(setting, list):
        return [_below(part, root) for part in setting]
    return setting.removeprefix(root) if isinstance(setting, str) else setting


def _objectives(records: Sequence[TrialRecord]) -> dict[str, str]:
    names = metric_names(records)
    accuracy = "assertion_accuracy" if "assertion_accuracy" in names else "accuracy"
    both = {accuracy: "max", "metamorphic_discrepancy": "min"}
    return {name: way for name, way in both.items() if name in names}
