"""What the settings do: main effects with intervals, and importance.

A sweep is no experiment: the sampler goes where values were good, so a plain mean per bin of alpha mixes
alpha with all that was chosen beside it. Main effects therefore come from one additive model of all settings
(ours: quadratics, of the logarithm where the range is logarithmic, and a level per choice; least squares with
a slight ridge), and intervals from fitting it anew to bootstrap samples of the trials. Interactions are left
out, so an effect is a mean over the sweep and no promise for one student. Only complete trials count, and
with early stopping those are the better ones. Importance is optuna's PED-ANOVA (arXiv:2304.10255); optuna is
imported only when it is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdray.config import Choice, Range, Sweep, is_whole
from kdray.pareto import Floats
from kdray.report.front import complete, value
from kdray.results import TrialRecord

LEAST_TRIALS = 10  # fewer say nothing about seven settings
ENOUGH_TRIALS = 1000  # for importance: optuna copies each, and more change nothing that one could see
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
        was tried, `at`, `mean`, and the 95 % interval `low`, `high`. Empty for fewer than `LEAST_TRIALS`
        complete trials; a path that the space has not as a range, or that took one value only, is left out.
    """
    effects = []
    for metric in metrics:
        kept = [record for record in complete(records) if np.isfinite(value(record, metric))]
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
            effects.append(entry | {"mean": curves[0].tolist(), "low": low.tolist(), "high": high.tolist()})
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


def _levels(chosen: Sequence[Any]) -> list[Floats]:
    """A column per value but the first, which the intercept holds."""
    values = list(dict.fromkeys(map(repr, chosen)))
    return [np.array([float(repr(setting) == level) for setting in chosen]) for level in values[1:]]


def importance(
    records: Sequence[TrialRecord], sweep: Sweep, objectives: Mapping[str, str]
) -> list[dict[str, Any]]:
    """How much each setting decides whether a student is among the best tenth in an objective (PED-ANOVA).

    Returns:
        One entry per objective: `metric`, and `shares` as [path, share], most first, summing to 1, from at
        most `ENOUGH_TRIALS`, every n-th of more. Empty for fewer than `LEAST_TRIALS` complete trials.
    """
    import optuna

    names, signs = list(objectives), [-1.0 if way == "max" else 1.0 for way in objectives.values()]
    kept = [r for r in complete(records) if all(np.isfinite(value(r, name)) for name in names)]
    if len(kept) < LEAST_TRIALS:
        return []
    kept = kept[:: 1 + (len(kept) - 1) // ENOUGH_TRIALS]
    distributions = {path: dist for path in sweep.space if (dist := _distribution(sweep, path))}
    study = _quiet_study(len(names))
    for record in kept:
        losses = [sign * value(record, name) for name, sign in zip(names, signs, strict=True)]
        study.add_trial(_frozen(record, distributions, losses))
    # At least eight trials among the best, which otherwise is a tenth.
    quantile = max(0.1, min(0.5, 8 / len(kept)))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
    entries = []
    for index, metric in enumerate(names):
        with warnings.catch_warnings():
            # It tells whoever names a target that low is good, which is why the signs were turned.
            warnings.filterwarnings("ignore", "PedAnovaImportanceEvaluator computes")
            shares = optuna.importance.get_param_importances(study, evaluator=evaluator, target=_Value(index))
        ordered = [[path, share] for path, share in shares.items()]
        entries.append({"metric": metric, "quantile": quantile, "shares": ordered})
    return entries


@dataclass(frozen=True)
class _Value:
    """One of a trial's values."""

    index: int

    def __call__(self, trial: Any) -> float:
        return float(trial.values[self.index])


def _quiet_study(objectives: int) -> Any:
    """A study in memory, without the line on stderr that optuna writes for each."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(directions=["minimize"] * objectives)
    finally:
        optuna.logging.set_verbosity(before)


def _frozen(record: TrialRecord, distributions: Mapping[str, Any], losses: list[float]) -> Any:
    import optuna

    chosen = {}
    for path, dist in distributions.items():
        picked = record.overrides.get(path)
        picked = str(picked) if isinstance(picked, (list, dict)) else picked
        if picked is not None and dist._contains(dist.to_internal_repr(picked)):
            chosen[path] = picked
    used = {path: distributions[path] for path in chosen}
    return optuna.trial.create_trial(params=chosen, distributions=used, values=losses)


def _distribution(sweep: Sweep, path: str) -> Any:
    """A path of the space in optuna's terms; None for a choice of one."""
    import optuna.distributions as of

    spec = sweep.space[path]
    if isinstance(spec, Choice):
        choices = list(
            dict.fromkeys(
                str(choice) if isinstance(choice, (list, dict)) else choice for choice in spec.choices
            )
        )
        return of.CategoricalDistribution(choices) if len(choices) > 1 else None
    low, high = spec.range
    if is_whole(sweep, path, spec):
        return of.IntDistribution(int(low), int(high), log=spec.log)
    return of.FloatDistribution(float(low), float(high), log=spec.log)
