"""Students of several sweeps together, and in groups by the values of some settings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kdray.config import flat
from kdray.errors import ConfigError, nearest
from kdray.report import describe
from kdray.report.front import complete, metric_names, rule, setting_names
from kdray.report.sources import Source, bare
from kdray.results import TrialRecord

SEED, STEP = "seed", "step"
Values = tuple[Any, ...]


@dataclass(frozen=True)
class Pool:
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


def pool(sources: Sequence[Source], where: Sequence[str] = ()) -> Pool:
    """The students of all sources. Raises `ConfigError` for a filter that cannot be read, or keeps nobody."""
    found = complete(record for source in sources for record in source.records)
    keep = [rule(text, metric_names(found), setting_names(found)) for text in where]
    found = [record for record in found if all(kept(record) for kept in keep)]
    if not found:
        raise ConfigError("compare: no complete trial" + (" keeps the filters" if where else ""))
    once: dict[str, TrialRecord] = {}
    for record in found:
        once.setdefault(configuration(record, but=()), record)
    return Pool(list(once.values()), sources, len(found) - len(once))


def each_rung(found: Pool) -> Pool:
    """The same trials at each of their rungs, as if they had ended there: their learning curves."""
    records = [
        replace(record, rungs=record.rungs[: at + 1])
        for record in found.records
        for at in range(len(record.rungs))
    ]
    return replace(found, records=records)


def configuration(record: TrialRecord, but: Sequence[str] = (SEED,)) -> str:
    """All settings of a trial but some, the same text for the same settings."""
    return json.dumps(
        {path: one for path, one in flat(record.trial).items() if path not in but and one is not None},
        sort_keys=True,
        default=str,
    )


def references(sources: Sequence[Source], metrics: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Name -> those of the metrics, with intervals, that it has; none without any.

    A name that sweeps use for different values has the sweep's behind it.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for source in sources:
        for name, said in source.references.items():
            ends = said.get("intervals") or {}
            own = {metric: said[metric] for metric in metrics if metric in said}
            own["intervals"] = {metric: list(ends[metric]) for metric in own if metric in ends}
            before = found.setdefault(name, {})
            if len(own) > 1 and own not in before.values():
                before[source.name] = own
    return {
        name if len(each) == 1 else f"{name} ({bare(where)})": own
        for name, each in found.items()
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
    found: dict[Values, list[TrialRecord]] = {}
    for record in records:
        found.setdefault(tuple(_value(record, name) for name in by), []).append(record)
    return {values: found[values] for values in sorted(found, key=lambda values: [*map(_order, values)])}


def _value(record: TrialRecord, name: str) -> Any:
    found = record.setting(name)
    found = record.metrics.get(name) if found is None else found
    return json.dumps(found) if isinstance(found, (list, Mapping)) else found


def _order(one: Any) -> tuple[int, float, str]:
    if one is None:
        return 2, 0.0, ""
    if isinstance(one, (int, float)) and not isinstance(one, bool):
        return 0, float(one), ""
    return 1, 0.0, str(one)


def labels(column: Sequence[Any]) -> list[str]:
    """The values of one setting as text: paths by their last part where that tells them apart."""
    every = {str(one) for one in column if isinstance(one, str)}
    last = Counter(one.rstrip("/").rpartition("/")[2] for one in every)
    is_short = all(count == 1 for count in last.values())

    def label(one: Any) -> str:
        if one is None:
            return describe.NOTHING
        if isinstance(one, str):
            return one.rstrip("/").rpartition("/")[2] if is_short and "/" in one else one
        if isinstance(one, bool):
            return str(one).lower()
        return f"{one:,}" if isinstance(one, int) else f"{one:.6g}" if isinstance(one, float) else str(one)

    return [label(one) for one in column]


def titles(paths: Sequence[str]) -> list[str]:
    """Settings and metrics as headings: the last word of a path where that tells them apart."""
    short = [describe.title(path) for path in paths]
    return [one if short.count(one) == 1 else path for one, path in zip(short, paths, strict=True)]


def varying(cells: Sequence[Sequence[TrialRecord]], by: Sequence[str]) -> list[str]:
    """Settings, other than the seed and `by`, that trials of one group do not share."""
    found: dict[str, None] = {}
    for cell in cells:
        flats = [flat(record.trial) for record in cell]
        paths = dict.fromkeys(path for one in flats for path in one)
        found |= dict.fromkeys(
            path for path in paths if any(one.get(path) != flats[0].get(path) for one in flats)
        )
    return sorted(path for path in found if path != SEED and path not in by)
