"""Means and differences over training seeds, with 95 % intervals.

Both intervals are ours. Two things made a mean what it is: which cases were drawn, and which seeds. All trials of
a mean answer the same cases, so more seeds do not make the draw of cases any surer: its variance is that of one
trial, from the trials' own intervals (their mean, below and above apart). Only the seeds' part, s^2 / n, shrinks
with n. The half-width is t times the root of the sum, with the degrees of freedom of Satterthwaite (1946,
doi:10.2307/3002019): n - 1 where the seeds decide, so that few seeds are paid for, infinite where the cases do.
With one trial it is that trial's interval, and the seeds are in no part of it. It is rather too wide than too
narrow, since a trial's own interval holds also what cases and seeds do together, which a mean over seeds evens
out; and it is cut to [0, 1] where all intervals of the trials lie there, as those of shares do.

Two trials of one seed answer the same cases, begin with the same weights and see the same batches, so their
difference is surer than either: its interval is Student's over the seeds that both sides have. How much they
would differ on other cases is in no part of it; with one seed, or where all seeds differ by the same, there is no
interval.

Shapes: `N` trials, or seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdray import pareto
from kdray.evaluation.intervals import Z_95
from kdray.report.front import interval, value
from kdray.results import TrialRecord

SEED = "seed"


@dataclass(frozen=True)
class Mean:
    """A metric over the trials of a row, or its difference over the seeds of two rows.

    Attributes:
        value: the mean of `each`, NaN of none.
        low, high: of the 95 % interval; NaN where neither cases nor seeds vary or tell.
        each: what was measured, a trial or a seed each.
    """

    value: float
    low: float
    high: float
    each: list[float]

    def as_dict(self) -> Mapping[str, Any]:
        """JSON-able but for numbers that are not finite."""
        return {"mean": self.value, "low": self.low, "high": self.high, "each": self.each}


NOTHING_MEASURED = Mean(math.nan, math.nan, math.nan, [])


def mean(records: Sequence[TrialRecord], name: str) -> Mean:
    """Mean and interval of a metric over trials that answered the same cases."""
    each_N = np.array([value(record, name) for record in records], dtype=np.float64)
    ends_N2 = np.array([interval(record, name) for record in records], dtype=np.float64).reshape(-1, 2)
    is_there_N = np.isfinite(each_N)
    each_N, ends_N2 = each_N[is_there_N], ends_N2[is_there_N]
    if not len(each_N):
        return NOTHING_MEASURED
    middle = float(each_N.mean())
    below, above = (_half_width(each_N, each_N - ends_N2[:, end]) for end in (0, 1))
    low, high = middle - below, middle + above
    if np.isfinite(ends_N2).all() and (ends_N2 >= 0).all() and (ends_N2 <= 1).all():
        low, high = max(0.0, low), min(1.0, high)
    is_known = high - low > 1e-12 * abs(middle)  # not the rounding of equal values
    return Mean(middle, low if is_known else math.nan, high if is_known else math.nan, each_N.tolist())


def difference(records: Sequence[TrialRecord], base: Sequence[TrialRecord], name: str) -> Mean:
    """`records` less `base` over the seeds of both; several trials of one seed on a side count as their mean."""
    ours, theirs = _by_seed(records, name), _by_seed(base, name)
    each_N = np.array([ours[seed] - theirs[seed] for seed in ours if seed in theirs], np.float64)
    if not len(each_N):
        return NOTHING_MEASURED
    middle, seeds = float(each_N.mean()), _variance_of_mean(each_N)
    if not seeds:  # one seed, or differences that happen to be equal: nothing says how sure they are
        return Mean(middle, math.nan, math.nan, each_N.tolist())
    half = _t_quantile(0.0, seeds, len(each_N)) * math.sqrt(seeds)
    return Mean(middle, middle - half, middle + half, each_N.tolist())


def _by_seed(records: Sequence[TrialRecord], name: str) -> dict[Any, float]:
    measured: dict[Any, list[float]] = {}
    for record in records:
        if math.isfinite(number := value(record, name)):
            measured.setdefault(record.setting(SEED), []).append(number)
    return {seed: float(np.mean(each)) for seed, each in measured.items()}


def _half_width(each_N: pareto.Floats, to_end_N: pareto.Floats) -> float:
    """From the mean to one end of its interval; `to_end_N` is the same of each trial, NaN without one."""
    known_N = to_end_N[np.isfinite(to_end_N)]
    cases = float(np.mean((known_N / Z_95) ** 2)) if len(known_N) else 0.0
    seeds = _variance_of_mean(each_N)
    return _t_quantile(cases, seeds, len(each_N)) * math.sqrt(cases + seeds)


def _variance_of_mean(each_N: pareto.Floats) -> float:
    """s^2 / n; 0 of a single value."""
    return float(each_N.var(ddof=1)) / len(each_N) if len(each_N) > 1 else 0.0


def _t_quantile(cases: float, seeds: float, count: int) -> float:
    """97.5 % of Student's t over `count` values; of their variance `cases` is known and `seeds` estimated."""
    if not seeds:
        return Z_95
    from scipy.special import stdtrit

    return float(stdtrit((count - 1) * (1 + cases / seeds) ** 2, 0.975))
