"""What each combination of settings reached: a row a combination, a metric as the mean over its trials.

The interval is ours. Two things made a mean what it is: which cases were drawn, and which seeds. All trials of
a row answer the same cases, so more seeds do not make the draw of cases any surer: its variance is that of one
trial, from the trials' own intervals (their mean, below and above apart). Only the seeds' part, s^2 / n, shrinks
with n. The half-width is t times the root of the sum, with the degrees of freedom of Satterthwaite (1946,
doi:10.2307/3002019): n - 1 where the seeds decide, so that few seeds are paid for, infinite where the cases do.
With one trial it is that trial's interval, and the seeds are in no part of it. It is rather too wide than too
narrow, since a trial's own interval holds also what cases and seeds do together, which a mean over seeds evens
out; and it is cut to [0, 1] where all intervals of the trials lie there, as those of shares do.

Trials of a row that differ in more than the seed are one sample of whatever else they differ in, and the note
below the table names that. Not here: whether two rows differ (`differences`); their cases are the same, so
intervals that overlap are no proof that they do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdray import pareto
from kdray.errors import ConfigError, nearest
from kdray.metamorphic.relations import RELATIONS
from kdray.report import describe
from kdray.report.compare.pool import (
    Pool,
    Values,
    check_settings,
    groups,
    labels,
    references,
    titles,
    varying,
)
from kdray.report.front import Z_95, interval, metric_names, value
from kdray.report.payload import direction
from kdray.report.text_table import TextTable
from kdray.results import TrialRecord

ARROWS = {"max": " ↑", "min": " ↓", None: ""}


@dataclass(frozen=True)
class Mean:
    """A metric over the trials of a row.

    Attributes:
        value: the mean of `each`, NaN of none.
        low, high: of the 95 % interval; NaN where neither cases nor seeds vary or tell.
        each: what was measured, a trial each.
    """

    value: float
    low: float
    high: float
    each: list[float]


@dataclass(frozen=True)
class Cells:
    """A table of settings.

    Attributes:
        by: the settings.
        show: the metrics.
        rows: values of the settings -> trials, in order.
        pool: all of them, with their sweeps.
        varying: settings other than the seed that trials of one row do not share.
    """

    by: list[str]
    show: list[str]
    rows: dict[Values, list[TrialRecord]]
    pool: Pool
    varying: list[str]


def mean(records: Sequence[TrialRecord], name: str) -> Mean:
    """Mean and interval of a metric over trials that answered the same cases."""
    each_N = np.array([value(record, name) for record in records], dtype=np.float64)
    ends_N2 = np.array([interval(record, name) for record in records], dtype=np.float64).reshape(-1, 2)
    is_there_N = np.isfinite(each_N)
    each_N, ends_N2 = each_N[is_there_N], ends_N2[is_there_N]
    if not len(each_N):
        return Mean(math.nan, math.nan, math.nan, [])
    middle = float(each_N.mean())
    below, above = (_half_width(each_N, each_N - ends_N2[:, end]) for end in (0, 1))
    low, high = middle - below, middle + above
    if np.isfinite(ends_N2).all() and (ends_N2 >= 0).all() and (ends_N2 <= 1).all():
        low, high = max(0.0, low), min(1.0, high)
    is_known = high - low > 1e-12 * abs(middle)  # not the rounding of equal values
    return Mean(middle, low if is_known else math.nan, high if is_known else math.nan, each_N.tolist())


def _half_width(each_N: pareto.Floats, to_end_N: pareto.Floats) -> float:
    """From the mean to one end of its interval; `to_end_N` is the same of each trial, NaN without one."""
    known_N = to_end_N[np.isfinite(to_end_N)]
    cases = float(np.mean((known_N / Z_95) ** 2)) if len(known_N) else 0.0
    seeds = float(each_N.var(ddof=1)) / len(each_N) if len(each_N) > 1 else 0.0
    return t_quantile(cases, seeds, len(each_N)) * math.sqrt(cases + seeds)


def t_quantile(cases: float, seeds: float, count: int) -> float:
    """97.5 % of Student's t over `count` values; of their variance `cases` is known and `seeds` estimated."""
    if not seeds:
        return Z_95
    from scipy.special import stdtrit

    return float(stdtrit((count - 1) * (1 + cases / seeds) ** 2, 0.975))


def cells(found: Pool, by: Sequence[str], show: Sequence[str]) -> Cells:
    """The table of a pool.

    Raises:
        ConfigError: a setting or a metric that no trial has, or one named twice.
    """
    check_settings(by, found.records)
    known = metric_names(found.records)
    for name in show:
        if name not in known:
            raise ConfigError(f"--show: no complete trial recorded '{name}'{nearest(name, known)}")
    for option, listed in (("--by", by), ("--show", show)):
        if twice := [name for name in listed if list(listed).count(name) > 1]:
            raise ConfigError(f"{option}: '{twice[0]}' is named twice")
    rows = groups(found.records, by)
    return Cells(list(by), list(show), rows, found, varying(list(rows.values()), by))


def cells_table(found: Cells) -> TextTable:
    """A row per combination, then the references."""
    columns = [labels(column) for column in zip(*found.rows, strict=True)]
    rows = [
        [*values, str(len(records)), *(_shown(mean(records, name), name) for name in found.show)]
        for values, records in zip(zip(*columns, strict=True), found.rows.values(), strict=True)
    ]
    blank = [""] * (len(found.by) - 1) + [describe.NOTHING]
    below = []
    for name, metrics in references(found.pool.sources, found.show).items():
        record = TrialRecord(name, -1, "complete", {}, {}, (metrics,))
        below.append([name, *blank, *(describe.metric(record, metric) for metric in found.show)])
    return TextTable(
        heads_of(found, "trials"), rows, "l" * len(found.by) + "r" * (1 + len(found.show)), below
    )


def heads_of(found: Cells, counted: str) -> list[str]:
    """Headings: the settings, what is counted in a row, the metrics."""
    return [*titles(found.by), counted, *map(metric_title, found.show)]


def metric_title(name: str) -> str:
    """`assertion accuracy ↑`; a metric named after a relation is the rate of its violations, and says so."""
    violated = "violated: " if name.removeprefix("clean_") in RELATIONS else ""
    return violated + describe.title(name) + ARROWS[direction(name)]


def _shown(found: Mean, name: str) -> str:
    if name.endswith(describe.COUNTS):
        return describe.count(found.value)
    return describe.with_interval(found.value, found.low, found.high)


def cells_note(found: Cells) -> str:
    """What a reader of the table has to know, in a line."""
    parts = ["mean over trials [95 %, cases and training seeds]"]
    if found.varying:
        parts.append(f"trials of a row also differ in {', '.join(found.varying)}")
    if found.pool.repeated:
        parts.append(f"left out as repetitions, settings and seed alike: {found.pool.repeated}")
    return "; ".join(parts)


def cells_dict(found: Cells) -> dict[str, Any]:
    """JSON-able but for numbers that are not finite."""
    rows = [
        {
            "settings": dict(zip(found.by, values, strict=True)),
            "trials": len(records),
            "metrics": {name: mean_dict(mean(records, name)) for name in found.show},
        }
        for values, records in found.rows.items()
    ]
    shared = {"references": references(found.pool.sources, found.show), "also_varying": found.varying}
    return {"by": found.by, "show": found.show, "rows": rows, **shared, "repeated": found.pool.repeated}


def mean_dict(found: Mean) -> Mapping[str, Any]:
    """JSON-able but for numbers that are not finite."""
    return {"mean": found.value, "low": found.low, "high": found.high, "each": found.each}
