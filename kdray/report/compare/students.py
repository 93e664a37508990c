"""Students of several sweeps together, and in groups by the values of some settings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kdray.config import flat
from kdray.errors import ConfigError, nearest
from kdray.recorded import is_number
from kdray.report import describe
from kdray.report.compare.seeds import SEED
from kdray.report.filters import filters
from kdray.report.front import complete, metric_names, setting_names
from kdray.report.sources import Source, bare
from kdray.results import TrialRecord

STEP = "step"
Values = tuple[Any, ...]


@dataclass(frozen=True)
class Students:
    """Complete trials that keep every filter, each combination of settings and seed once.

    Attributes:
        records: in the order of the sweeps, then by number.
        sources: the sweeps.
        repeated: how many trials were left out as another's repetition (the first is kept): training the same
            thing with the same seed again says nothing new of the seeds.
    """

    records: list[TrialRecord]
    sources: Sequence[Source]
    repeated: int

    def each_rung(self) -> Students:
        """The same trials at each of their rungs, as if they had ended there: their learning curves."""
        records = [
            replace(record, rungs=record.rungs[: at + 1])
            for record in self.records
            for at in range(len(record.rungs))
        ]
        return replace(self, records=records)


def students(sources: Sequence[Source], where: Sequence[str] = ()) -> Students:
    """The students of all sources. Raises `ConfigError` for a filter that cannot be read, or keeps nobody."""
    records = complete(record for source in sources for record in source.records)
    keeps = filters(where, metric_names(records), setting_names(records))
    records = [record for record in records if keeps(record)]
    if not records:
        raise ConfigError("compare: no complete trial" + (" keeps the filters" if where else ""))
    first: dict[str, TrialRecord] = {}
    for record in records:
        first.setdefault(configuration(record, but=()), record)
    return Students(list(first.values()), sources, len(records) - len(first))


def configuration(record: TrialRecord, but: Sequence[str] = (SEED,)) -> str:
    """All settings of a trial but some, the same text for the same settings."""
    settings = flat(record.trial)
    return json.dumps(
        {path: value for path, value in settings.items() if path not in but and value is not None},
        sort_keys=True,
        default=str,
    )


def baselines(sources: Sequence[Source], metrics: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Name -> those of the metrics, with intervals, that a teacher or baseline has; none without any.

    A name that sweeps use for different values has the sweep's behind it.
    """
    by_name: dict[str, dict[str, dict[str, Any]]] = {}
    for source in sources:
        for name, measured in source.baselines.items():
            ends = measured.get("intervals") or {}
            own = {metric: measured[metric] for metric in metrics if metric in measured}
            own["intervals"] = {metric: list(ends[metric]) for metric in own if metric in ends}
            before = by_name.setdefault(name, {})
            if len(own) > 1 and own not in before.values():
                before[source.name] = own
    return {
        name if len(each) == 1 else f"{name} ({bare(where)})": own
        for name, each in by_name.items()
        for where, own in each.items()
    }


def names(text: str) -> list[str]:
    """`a,b` as a list."""
    return [part for part in (part.strip() for part in text.split(",")) if part]


def check_settings(by: Sequence[str], records: Sequence[TrialRecord]) -> None:
    """Raises `ConfigError` for a name that is neither a setting nor a metric of any trial, nor `step`."""
    known = dict.fromkeys([*setting_names(records), *metric_names(records), STEP])
    for name in by:
        if name not in known:
            raise ConfigError(f"--by: no setting or metric '{name}'{nearest(name, known)}")


def groups(records: Sequence[TrialRecord], by: Sequence[str]) -> dict[Values, list[TrialRecord]]:
    """The trials by the values of settings, metrics or the step, in the order of the values: numbers, then text,
    then nothing.
    """
    # By hand: pandas would make one type of a column, and so 10.0 of 10 beside a text or nothing.
    trials: dict[Values, list[TrialRecord]] = {}
    for record in records:
        trials.setdefault(tuple(_value(record, name) for name in by), []).append(record)
    return {values: trials[values] for values in sorted(trials, key=lambda values: [*map(_order, values)])}


def _value(record: TrialRecord, name: str) -> Any:
    setting = record.setting(name)
    value = record.metrics.get(name) if setting is None else setting
    return json.dumps(value) if isinstance(value, (list, Mapping)) else value


def _order(value: Any) -> tuple[int, float, str]:
    if value is None:
        return 2, 0.0, ""
    if is_number(value):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def labels(column: Sequence[Any]) -> list[str]:
    """The values of one setting as text: paths by their last part where that tells them apart."""
    texts = {str(value) for value in column if isinstance(value, str)}
    last = Counter(text.rstrip("/").rpartition("/")[2] for text in texts)
    is_short = all(count == 1 for count in last.values())

    def label(value: Any) -> str:
        if value is None:
            return describe.NOTHING
        if isinstance(value, str):
            return value.rstrip("/").rpartition("/")[2] if is_short and "/" in value else value
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int):
            return f"{value:,}"
        return f"{value:.6g}" if isinstance(value, float) else str(value)

    return [label(value) for value in column]


def titles(paths: Sequence[str]) -> list[str]:
    """Settings and metrics as headings: the last word of a path where that tells them apart."""
    short = [describe.title(path) for path in paths]
    return [title if short.count(title) == 1 else path for title, path in zip(short, paths, strict=True)]


def varying(rows: Sequence[Sequence[TrialRecord]], by: Sequence[str]) -> list[str]:
    """Settings, other than the seed and `by`, that trials of one row do not share."""
    differ: dict[str, None] = {}
    for records in rows:
        settings = [flat(record.trial) for record in records]
        paths = dict.fromkeys(path for trial in settings for path in trial)
        differ |= dict.fromkeys(
            path for path in paths if any(trial.get(path) != settings[0].get(path) for trial in settings)
        )
    return sorted(path for path in differ if path != SEED and path not in by)
