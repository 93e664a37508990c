"""Which students are worth a look: trial records to arrays, then the front, its knee and its hypervolume.

Only complete trials that the search chose are candidates: a stopped trial's numbers come from a smaller budget, a
failed one's from nowhere, and those that confirm another (`confirmed`) are that one's. A candidate needs a finite
value of every objective and has to keep every filter. Any recorded metric can be an objective. Not here: the
arithmetic (`pareto`), what trials have in common (`effects`), and any output.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kdray import pareto
from kdray.config import flat
from kdray.errors import ConfigError, nearest
from kdray.evaluation.intervals import Z_95
from kdray.recorded import is_number
from kdray.report.filters import filters
from kdray.report.paired.probable import front_probability
from kdray.results import TrialRecord


@dataclass(frozen=True)
class Front:
    """The candidates of a sweep and which of them nothing dominates.

    Shapes: `P` candidates, `M` objectives.

    Attributes:
        objectives: metric -> `max` or `min`.
        candidates: complete trials with finite objectives that keep every filter, by number.
        values_PM: what was measured.
        low_PM, high_PM: ends of the 95 % intervals, NaN where none was recorded.
        mask_P: whether the candidate is on the front.
        rank_P: 0 on the front, 1 on the front of the rest, ...
        knee: index of the knee among the candidates, None without any; where some were trained again, of these,
            by the means over all their trainings.
        reference: the hypervolume's reference point, in the objectives' units.
        hypervolume: up to `reference`; 0 without candidates.
        again: key of a candidate that was trained again -> all complete trainings of its settings, itself first;
            empty unless there are two to choose from, and one of them on the front.
    """

    objectives: dict[str, str]
    candidates: list[TrialRecord]
    values_PM: pareto.Floats
    low_PM: pareto.Floats
    high_PM: pareto.Floats
    mask_P: pareto.Bools
    rank_P: pareto.Ints
    knee: int | None
    reference: dict[str, float]
    hypervolume: float
    again: dict[str, list[TrialRecord]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The objectives, in order."""
        return list(self.objectives)

    @property
    def directions(self) -> list[str]:
        """`max` or `min` of each objective, in order."""
        return list(self.objectives.values())

    @property
    def members(self) -> list[TrialRecord]:
        """The trials on the front, best in the first objective first."""
        return [self.candidates[index] for index in self.order if self.mask_P[index]]

    @property
    def order(self) -> list[int]:
        """Candidates by rank, then best in the first objective first, then by number."""
        loss = pareto.losses(self.values_PM, self.directions)
        return sorted(
            range(len(self.candidates)), key=lambda i: (self.rank_P[i], loss[i, 0], self.candidates[i].number)
        )

    def standard_errors(self) -> pareto.Floats:
        """Half the width of each 95 % interval over 1.96; 0 where none was recorded. float[P, M]."""
        return np.nan_to_num((self.high_PM - self.low_PM) / (2 * Z_95))

    @cached_property
    def probability(self) -> pareto.Floats:
        """The probability that each candidate is really on the front, by bootstrap."""
        return front_probability(self.candidates, self.values_PM, self.standard_errors(), self.objectives)

    def by_means(self, name: str) -> bool:
        """Whether a choice by a metric is made on the means: of one measured with luck, as its interval tells."""
        return bool(self.again) and any(math.isfinite(interval(r, name)[0]) for r in self.candidates)

    def choosing(self, name: str) -> dict[int, float]:
        """Candidate -> the number that a choice by a metric is made on: the mean over all trainings of
        those that were trained again, of anything else measured with luck nothing; what is counted, of all.
        """
        own = {index: value(record, name) for index, record in enumerate(self.candidates)}
        if not self.by_means(name):
            return own
        return {
            i: mean_value(self.again[key], name) for i in own if (key := self.candidates[i].key) in self.again
        }


def front(
    records: Sequence[TrialRecord],
    objectives: Mapping[str, str],
    *,
    reference: Mapping[str, float] | None = None,
    where: Sequence[str] = (),
) -> Front:
    """The front over any number of recorded metrics.

    Args:
        records: a sweep's trials, in any state.
        objectives: metric -> `max` or `min`.
        reference: the hypervolume's reference point; None takes the worst values of these candidates, moved
            out by a tenth of the range, which suits one sweep and no comparison.
        where: filters such as `student_params <= 2e6` or `distil.temperature == 1`.

    Raises:
        ConfigError: a metric that no complete trial recorded, a direction or a filter that cannot be read.
    """
    candidates = sorted(searched(records), key=lambda record: record.number)
    check_objectives(objectives, metric_names(candidates))
    keeps = filters(where, metric_names(candidates), setting_names(candidates))
    candidates = [r for r in candidates if all(math.isfinite(value(r, name)) for name in objectives)]
    candidates = [r for r in candidates if keeps(r)]
    shape = (len(candidates), len(objectives))
    values = np.array(
        [[value(r, name) for name in objectives] for r in candidates], dtype=np.float64
    ).reshape(shape)
    ends = np.array(
        [[interval(r, name) for name in objectives] for r in candidates], dtype=np.float64
    ).reshape(*shape, 2)
    directions = list(objectives.values())
    mask = pareto.non_dominated(values, directions)
    again = _again(records, candidates, mask, objectives)
    point = _reference(reference, objectives, values)
    return Front(
        objectives=dict(objectives),
        candidates=candidates,
        values_PM=values,
        low_PM=ends[..., 0],
        high_PM=ends[..., 1],
        mask_P=mask,
        rank_P=pareto.ranks(values, directions),
        knee=_knee(candidates, again, values, objectives),
        reference=point,
        hypervolume=pareto.hypervolume(values, directions, list(point.values())) if point else 0.0,
        again=again,
    )


def _again(
    records: Sequence[TrialRecord],
    candidates: Sequence[TrialRecord],
    mask_P: pareto.Bools,
    objectives: Mapping[str, str],
) -> dict[str, list[TrialRecord]]:
    """Candidate -> itself and its confirmations; none where that leaves nothing to choose from, as while they are
    trained, or where none of them is on the front: they were trained again for another one, of other objectives or
    of before there were better trials.
    """
    again: dict[str, list[TrialRecord]] = {}
    by_key = {record.key: record for record in candidates}
    for record in complete(records):
        if record.confirms in by_key and all(math.isfinite(value(record, name)) for name in objectives):
            again.setdefault(record.confirms, [by_key[record.confirms]]).append(record)
    of_this_front = any(record.key in again for record in itertools.compress(candidates, mask_P))
    return again if len(again) > 1 and of_this_front else {}


def _knee(
    candidates: Sequence[TrialRecord],
    again: Mapping[str, Sequence[TrialRecord]],
    values: pareto.Floats,
    objectives: Mapping[str, str],
) -> int | None:
    directions = list(objectives.values())
    if not again:
        return pareto.knee(values, directions)
    places = [place for place, record in enumerate(candidates) if record.key in again]
    means = [[mean_value(again[candidates[place].key], name) for name in objectives] for place in places]
    chosen = pareto.knee(means, directions)
    return None if chosen is None else places[chosen]


def mean_value(records: Sequence[TrialRecord], name: str) -> float:
    """The mean of a metric of the last rung over some trials."""
    return float(np.mean([value(record, name) for record in records]))


def _reference(
    given: Mapping[str, float] | None, objectives: Mapping[str, str], values: pareto.Floats
) -> dict[str, float]:
    if given is not None:
        missing = [name for name in objectives if name not in given]
        if missing:
            raise ConfigError(
                f"reference point: no value for '{missing[0]}' (needed: {', '.join(objectives)})"
            )
        return {name: float(given[name]) for name in objectives}
    if not len(values):
        return {}
    point = pareto.reference_point(values, list(objectives.values()))
    return dict(zip(objectives, map(float, point), strict=True))


def complete(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """The trials that reached the last rung."""
    return [record for record in records if record.state == "complete" and record.rungs]


def searched(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Those of them that the search chose; the others confirm one of these."""
    return [record for record in complete(records) if not record.confirms]


def value(record: TrialRecord, name: str) -> float:
    """A metric of the last rung as a number; NaN where it is missing or no number."""
    metric = record.metrics.get(name)
    return float(metric) if is_number(metric) else math.nan


def interval(record: TrialRecord, name: str) -> tuple[float, float]:
    """The 95 % interval of a metric of the last rung; NaN twice where none was recorded."""
    return ends((record.metrics.get("intervals") or {}).get(name))


def ends(recorded: Any) -> tuple[float, float]:
    """Two numbers as an interval; NaN twice for anything else."""
    if (
        isinstance(recorded, (list, tuple))
        and len(recorded) == 2
        and all(isinstance(end, (int, float)) for end in recorded)
    ):
        return float(recorded[0]), float(recorded[1])
    return math.nan, math.nan


def metric_names(records: Iterable[TrialRecord]) -> list[str]:
    """Every metric that some trial recorded as a number, finite or not, in the order of first sight."""
    names: dict[str, None] = {}
    for record in records:
        names |= {name: None for name, metric in record.metrics.items() if is_number(metric)}
    return [name for name in names if name != "step"]


def setting_names(records: Iterable[TrialRecord]) -> list[str]:
    """The dotted path of every setting of some trial, in the order of first sight."""
    return list(dict.fromkeys(path for record in records for path in flat(record.trial)))


def check_objectives(objectives: Mapping[str, str], known: Sequence[str]) -> None:
    """Raises `ConfigError` for none, an unknown direction, or (where trials tell) an unknown metric."""
    if not objectives:
        raise ConfigError("objectives: name at least one metric, such as assertion_accuracy:max")
    for name, direction in objectives.items():
        if direction not in ("max", "min"):
            raise ConfigError(f"objectives: {name}: direction '{direction}' is neither max nor min")
        if known and name not in known:
            raise ConfigError(f"objectives: no complete trial recorded '{name}'{nearest(name, known)}")


def parse_objectives(text: str, default: Mapping[str, str] | None = None) -> dict[str, str]:
    """`a:max,b:min` as a mapping.

    A metric without a direction takes the one in `default`. Raises `ConfigError`.
    """
    objectives: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, direction = (
            part.rpartition(":") if ":" in part else (part, "", (default or {}).get(part, ""))
        )
        if not direction:
            raise ConfigError(f"objectives: '{part}' needs a direction: {part}:max or {part}:min")
        objectives[name] = direction
    check_objectives(objectives, [])
    return objectives
