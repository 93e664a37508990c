"""What the settings do: main effects with intervals.

A sweep is no experiment: the sampler goes where values were good, so a plain mean per bin of alpha mixes
alpha with all that was chosen beside it. Main effects therefore come from one additive model of all settings
(ours: quadratics, of the logarithm where the range is logarithmic, and a level per choice; least squares with
a slight ridge), and intervals from fitting it anew to bootstrap samples of the trials. Interactions are left
out, so an effect is a mean over the sweep and no promise for one student. Only complete trials count, and
with early stopping those are the better ones. Not here: importance (`importance_shares`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kdray.config import Range, Sweep
from kdray.pareto import Floats
from kdray.report.front import searched, value
from kdray.results import TrialRecord

LEAST_TRIALS = 10  # fewer say nothing about seven settings
RIDGE = 1e-3  # of the mean squared column, per trial: keeps a setting that was never varied at nothing
GRID = 25


def main_effects(
    records: Sequence[TrialRecord],
    sweep: Sweep,
    metrics: Sequence[str],
    paths: Sequence[str] = ("distil.alpha", "distil.temperature"),
    *,
    draws: int = 200,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """The mean of each metric over the sweep's trials if one setting alone were changed.

    Returns:
        One entry per path and metric: `path`, `metric`, `log`, and, as lists over a grid of the range that
        was tried, `at`, `mean`, and the 95 % interval `low`, `high`; `told`, whether the effect as a whole can be
        told from nothing at 5 % (`_Additive.told`). Empty for fewer than `LEAST_TRIALS`
        complete trials; a path that the space has not as a range, or that took one value only, is left out.
    """
    effects = []
    for metric in metrics:
        kept = [record for record in searched(records) if np.isfinite(value(record, metric))]
        if len(kept) < LEAST_TRIALS:
            continue
        model = _Additive(kept, sweep)
        target_P = np.array([value(record, metric) for record in kept])
        weights = _resampled(len(kept), draws, seed)
        fits = [model.fit(target_P, weight) for weight in (np.ones(len(kept)), *weights)]
        for path in paths:
            column = model.numeric.get(path)
            if column is None:
                continue
            grid = np.linspace(column.min(), column.max(), GRID)
            curves = np.array([model.effect(path, grid, fit) for fit in fits])
            low, high = np.percentile(curves[1:], [2.5, 97.5], axis=0)
            log = _is_log(sweep, path)
            at = np.exp(grid) if log else grid
            entry: dict[str, Any] = {"path": path, "metric": metric, "log": log, "at": at.tolist()}
            entry |= {"mean": curves[0].tolist(), "low": low.tolist(), "high": high.tolist()}
            effects.append(entry | {"told": model.told(path, fits)})
    return effects


def _resampled(trials: int, draws: int, seed: int) -> list[Floats]:
    """How often each trial is in each bootstrap sample."""
    generator = np.random.default_rng(seed)
    return [
        np.bincount(generator.integers(trials, size=trials), minlength=trials).astype(np.float64)
        for _ in range(draws)
    ]


def _is_log(sweep: Sweep, path: str) -> bool:
    spec = sweep.space.get(path)
    return isinstance(spec, Range) and spec.log


class _Additive:
    """The design matrix of all settings of the space, and fits of it.

    Attributes:
        numeric: path -> the setting of each trial, in logarithms where the range is; only those that vary.
    """

    def __init__(self, records: Sequence[TrialRecord], sweep: Sweep) -> None:
        self.numeric: dict[str, Floats] = {}
        self._place: dict[str, slice] = {}
        columns: list[Floats] = [np.ones(len(records))]
        for path, spec in sweep.space.items():
            chosen = [record.overrides.get(path) for record in records]
            block = (
                self._numbers(path, chosen, _is_log(sweep, path))
                if isinstance(spec, Range)
                else _levels(chosen)
            )
            self._place[path] = slice(len(columns), len(columns) + len(block))
            columns += block
        self._design_PC = np.column_stack(columns)
        self._mean_C = self._design_PC.mean(axis=0)

    def _numbers(self, path: str, chosen: Sequence[Any], log: bool) -> list[Floats]:
        # A setting whose condition does not hold takes the middle, where it has no effect of its own.
        known = np.array([np.nan if setting is None else float(setting) for setting in chosen])
        numbers = np.log(known) if log else known
        if np.isnan(numbers).all() or np.nanmin(numbers) == np.nanmax(numbers):
            return []
        self.numeric[path] = np.where(np.isnan(numbers), np.nanmean(numbers), numbers)
        return list(self._basis(path, self.numeric[path]))

    def _basis(self, path: str, at: Floats) -> tuple[Floats, Floats]:
        column = self.numeric[path]
        unit = (at - column.mean()) / column.std()
        return unit, unit**2

    def fit(self, target_P: Floats, weight_P: Floats) -> Floats:
        """Coefficients by weighted least squares with a ridge on all but the intercept."""
        weighted = self._design_PC * weight_P[:, None]
        gram = weighted.T @ self._design_PC
        ridge = np.full(len(gram), RIDGE * weight_P.sum())
        ridge[0] = 0.0
        return np.asarray(np.linalg.solve(gram + np.diag(ridge), weighted.T @ target_P))

    def effect(self, path: str, grid: Floats, fit_C: Floats) -> Floats:
        """The mean prediction over the trials with this setting moved along `grid`."""
        place = self._place[path]
        rest = self._mean_C @ fit_C - self._mean_C[place] @ fit_C[place]
        return np.asarray(rest + np.column_stack(self._basis(path, grid)) @ fit_C[place])

    def told(self, path: str, fits: Sequence[Floats]) -> bool:
        """Whether a setting's coefficients are other than 0 together: Wald's test with the covariance of the
        bootstrap fits, those after the first, against F with as many degrees of freedom as trials are left over.
        """
        from scipy.special import fdtrc

        own_DK = np.array(fits)[:, self._place[path]]
        count, left = own_DK.shape[1], len(self._design_PC) - self._design_PC.shape[1]
        if left < 1:
            return False
        covariance = np.atleast_2d(np.cov(own_DK[1:].T))
        distance = own_DK[0] @ np.linalg.pinv(covariance) @ own_DK[0] / count
        return bool(fdtrc(count, left, distance) < 0.05)


def _levels(chosen: Sequence[Any]) -> list[Floats]:
    """A column per value but the first, which the intercept holds."""
    values = list(dict.fromkeys(map(repr, chosen)))
    return [np.array([float(repr(setting) == level) for setting in chosen]) for level in values[1:]]
