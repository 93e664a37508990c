"""What trials that were stopped early would have come to, judged by those that went on.

For each objective and each rung but the last, a line is fitted from this rung to the next over the trials that
reached both; the lines in a row carry any report to the last rung, with the variance that their residuals add.
Trials go on because of what they reported at the rung before, and choosing by the input of a regression does not
bias it.

With fewer than two trials behind a line it is the identity, shifted by what the trials there gained, and as
uncertain as the trials differ (ours).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Reports = Mapping[int, Sequence[float]]
"""rung -> objectives."""

RIDGE = 1.0
"""Pseudo-observations that pull a slope towards 1."""


def project(trials: Sequence[Reports], rungs: Sequence[int]) -> tuple[Floats, Floats]:
    """Every trial at the last rung.

    Args:
        trials: T trials with at least one report each.
        rungs: all rungs, rising.

    Returns:
        Values [T, M] and variances [T, M]; a trial that reached the last rung has its own values and variance 0.
    """
    last = [max(trial) for trial in trials]
    values_TM = np.array([trial[step] for trial, step in zip(trials, last, strict=True)], np.float64)
    variances_TM = np.zeros_like(values_TM)
    for here, there in itertools.pairwise(rungs):
        both = [(trial[here], trial[there]) for trial in trials if here in trial and there in trial]
        # Also those that were carried up to `here` from below.
        waiting = np.array([step <= here for step in last])
        if not waiting.any():
            continue
        pairs = np.array(both, np.float64).reshape(len(both), 2, values_TM.shape[1])
        for m in range(values_TM.shape[1]):
            step = line(pairs[:, 0, m], pairs[:, 1, m], unknown=float(values_TM[:, m].var()))
            values_TM[waiting, m] = step.at(values_TM[waiting, m])
            variances_TM[waiting, m] = step.slope**2 * variances_TM[waiting, m] + step.variance
    return values_TM, variances_TM


@dataclass(frozen=True)
class Line:
    """y = slope * x + shift, give or take a normal error of this variance."""

    slope: float
    shift: float
    variance: float

    def at(self, x: Floats) -> Floats:
        """The y foretold."""
        return self.slope * x + self.shift


def line(x_N: Floats, y_N: Floats, unknown: float = 0.0) -> Line:
    """The line through points; `unknown` is its variance while there are fewer than two."""
    count = len(x_N)
    if count < 2:
        return Line(1.0, float((y_N - x_N).mean()) if count else 0.0, unknown)
    spread = float(x_N.var())
    covariance = float(((x_N - x_N.mean()) * (y_N - y_N.mean())).mean())
    slope = (count * covariance + RIDGE * spread) / ((count + RIDGE) * spread) if spread > 0 else 0.0
    shift = float(y_N.mean() - slope * x_N.mean())
    # A few points lie near their line by chance: one more is counted that misses it by all that y varies.
    residual_N = y_N - shift - slope * x_N
    return Line(slope, shift, float((residual_N**2).sum() + y_N.var()) / count)
