"""What trials that were stopped early would have come to, judged by those that went on.

For each objective and each rung but the last, a line is fitted from this rung to the next over the trials that
reached both; the lines in a row carry any report to the last rung, with the variance that their residuals add.
Trials go on because of what they reported at the rung before, and choosing by the input of a regression does not
bias it.

With fewer than two trials behind a line it is the identity, shifted by what the trials there gained (ours).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

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
            slope, shift, variance = _line(pairs[:, 0, m], pairs[:, 1, m])
            values_TM[waiting, m] = shift + slope * values_TM[waiting, m]
            variances_TM[waiting, m] = slope**2 * variances_TM[waiting, m] + variance
    return values_TM, variances_TM


def _line(x_N: Floats, y_N: Floats) -> tuple[float, float, float]:
    """Slope, shift and residual variance of y over x."""
    if not len(x_N):
        return 1.0, 0.0, 0.0
    spread = float(x_N.var())
    if len(x_N) < 2 or spread == 0.0:
        return 1.0, float((y_N - x_N).mean()), 0.0
    # A ridge towards slope 1, in units of the spread of x.
    covariance = float(((x_N - x_N.mean()) * (y_N - y_N.mean())).mean())
    slope = (len(x_N) * covariance + RIDGE * spread) / (len(x_N) * spread + RIDGE * spread)
    shift = float(y_N.mean() - slope * x_N.mean())
    residual_N = y_N - shift - slope * x_N
    return slope, shift, float((residual_N**2).sum() / max(1, len(x_N) - 1))
