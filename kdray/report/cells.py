"""What each combination of settings reached: a row a combination, a metric as the mean over its trials.

The interval is ours. Two things made a mean what it is: which cases were drawn, and which seeds. All trials of
a row answer the same cases, so more seeds do not make the draw of cases any surer: its part of the interval is
that of one trial (root mean square over the row's), and only the seeds' part, t(n - 1) times s / sqrt(n),
shrinks with n. Both are added in squares, below and above apart, as Zou and Donner recover an interval from
those of its parts (2008, doi:10.1002/sim.3095). It is a little too wide rather than too narrow: a trial's own
interval holds also what cases and seeds do together, which the mean evens out, and two seeds are punished by
t(1) = 12.7. It is cut to [0, 1] where all intervals of the trials lie there, as those of shares do. With one
trial it is that trial's interval; the seeds are then in no part of it.

Trials of a row that differ in more than the seed are one sample of whatever else they differ in, and the note
below the table names that. Not here: whether two rows differ; their cases are the same, so intervals that
overlap are no proof that they do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdray.errors import ConfigError, nearest
from kdray.report import describe
from kdray.report.front import interval, metric_names, value
from kdray.report.grid import Grid
from kdray.report.payload import direction
from kdray.report.pool import Pool, Values, check_settings, groups, labels, titles, varying
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
        pool: all of them, with the references.
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
    below, above = (_root_mean_square(each_N - ends_N2[:, end]) for end in (0, 1))
    seeds = _seeds_half_width(each_N)
    middle = float(each_N.mean())
    low, high = middle - math.hypot(below, seeds), middle + math.hypot(above, seeds)
    if np.isfinite(ends_N2).all() and (ends_N2 >= 0).all() and (ends_N2 <= 1).all():
        low, high = max(0.0, low), min(1.0, high)
    is_known = high - low > 1e-12 * abs(middle)  # not the rounding of equal values
    return Mean(middle, low if is_known else math.nan, high if is_known else math.nan, each_N.tolist())


def _root_mean_square(found_N: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Of what is finite; 0 of nothing."""
    finite = found_N[np.isfinite(found_N)]
    return float(np.sqrt(np.mean(finite**2))) if len(finite) else 0.0


def _seeds_half_width(each_N: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    if len(each_N) < 2:
        return 0.0
    from scipy.special import stdtrit

    return float(stdtrit(len(each_N) - 1, 0.975) * each_N.std(ddof=1) / math.sqrt(len(each_N)))


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


def cells_grid(found: Cells) -> Grid:
    """A row per combination, then the references."""
    columns = [labels(column) for column in zip(*found.rows, strict=True)]
    heads = [*titles(found.by), "trials"]
    heads += [describe.title(name) + ARROWS[direction(name)] for name in found.show]
    rows = [
        [*values, str(len(records)), *(_shown(mean(records, name), name) for name in found.show)]
        for values, records in zip(zip(*columns, strict=True), found.rows.values(), strict=True)
    ]
    blank = [""] * (len(found.by) - 1) + [describe.NOTHING]
    below = []
    for name, metrics in found.pool.references.items():
        record = TrialRecord(name, -1, "complete", {}, {}, (dict(metrics),))
        if any(math.isfinite(value(record, metric)) for metric in found.show):
            below.append([name, *blank, *(describe.metric(record, metric) for metric in found.show)])
    return Grid(heads, rows, "l" * len(found.by) + "r" * (1 + len(found.show)), below)


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
            "metrics": {name: _mean_dict(mean(records, name)) for name in found.show},
        }
        for values, records in found.rows.items()
    ]
    shared = {"references": found.pool.references, "also_varying": found.varying}
    return {"by": found.by, "show": found.show, "rows": rows, **shared, "repeated": found.pool.repeated}


def _mean_dict(found: Mean) -> Mapping[str, Any]:
    return {"mean": found.value, "low": found.low, "high": found.high, "each": found.each}
