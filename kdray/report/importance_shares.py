"""How much each setting decides among the best, and whether that is more than luck would give.

PED-ANOVA (arXiv:2304.10255), as optuna has it; optuna is imported only when it is asked for. Shares sum to 1, so
that of a setting without any effect is not 0: it is held against the shares that come out where the students'
values are dealt out anew among the trials (ours). Interval and luck are from at most `DRAWN_TRIALS`, every n-th of
more: rather too wide.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdray.config import Choice, Sweep, is_whole
from kdray.report.effects import LEAST_TRIALS
from kdray.report.front import searched, value
from kdray.results import TrialRecord

ENOUGH_TRIALS = 1000  # optuna copies each, and more change nothing that one could see
DRAWN_TRIALS = 200
DRAWS = 40
DEALS = 19
"""A share above all of so many dealt ones is told from luck at 5 %."""


def importance(
    records: Sequence[TrialRecord], sweep: Sweep, objectives: Mapping[str, str], *, seed: int = 0
) -> list[dict[str, Any]]:
    """How much each setting decides whether a student is among the best tenth in an objective.

    Returns:
        One entry per objective: `metric`, `shares` as [path, share], most first, summing to 1, from at most
        `ENOUGH_TRIALS`, every n-th of more; `intervals` as path -> [low, high], 95 % by bootstrap over trials; and
        `told`, the paths whose share is more than nothing would give. Empty for fewer than `LEAST_TRIALS` complete
        trials.
    """
    names, signs = list(objectives), [-1.0 if way == "max" else 1.0 for way in objectives.values()]
    kept = [r for r in searched(records) if all(np.isfinite(value(r, name)) for name in names)]
    if len(kept) < LEAST_TRIALS:
        return []
    distributions = {path: dist for path in sweep.space if (dist := _distribution(sweep, path))}
    losses = [
        [sign * value(record, name) for name, sign in zip(names, signs, strict=True)] for record in kept
    ]
    found = _shares(*_thinned(kept, losses, ENOUGH_TRIALS), distributions)
    few, told = _thinned(kept, losses, DRAWN_TRIALS)
    generator = np.random.default_rng(seed)
    drawn, dealt = [], []
    for _ in range(DRAWS):
        chosen = generator.integers(len(few), size=len(few))
        drawn.append(_shares([few[i] for i in chosen], [told[i] for i in chosen], distributions))
    for _ in range(DEALS):
        dealt.append(_shares(few, [told[i] for i in generator.permutation(len(few))], distributions))
    once = _shares(few, told, distributions) if len(few) < len(kept) else found
    return [
        {
            "metric": metric,
            "quantile": _quantile(len(kept)),
            "shares": [[path, share] for path, share in found[index].items()],
            "intervals": {path: _ends([one[index].get(path, 0.0) for one in drawn]) for path in found[index]},
            "told": [
                path for path in found[index] if _is_told(path, once[index], [one[index] for one in dealt])
            ],
        }
        for index, metric in enumerate(names)
    ]


def _thinned(
    kept: Sequence[TrialRecord], losses: Sequence[list[float]], most: int
) -> tuple[Sequence[TrialRecord], Sequence[list[float]]]:
    step = 1 + (len(kept) - 1) // most
    return kept[::step], losses[::step]


def _is_told(path: str, found: Mapping[str, float], dealt: Sequence[Mapping[str, float]]) -> bool:
    return found.get(path, 0.0) > max(one.get(path, 0.0) for one in dealt)


def _ends(shares: Sequence[float]) -> list[float]:
    return [float(end) for end in np.percentile(shares, [2.5, 97.5])]


def _quantile(trials: int) -> float:
    """At least eight trials are among the best, which otherwise is a tenth."""
    return max(0.1, min(0.5, 8 / trials))


def _shares(
    kept: Sequence[TrialRecord], losses: Sequence[list[float]], distributions: Mapping[str, Any]
) -> list[dict[str, float]]:
    """Path -> share for each objective."""
    import optuna

    study = _quiet_study(len(losses[0]))
    study.add_trials([_frozen(record, distributions, one) for record, one in zip(kept, losses, strict=True)])
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=_quantile(len(kept)))
    with warnings.catch_warnings():
        # Whoever names a target is told that low is good, which is why the signs were turned; and a sample that it
        # is small, which its interval says.
        warnings.simplefilter("ignore", UserWarning)
        found = [
            optuna.importance.get_param_importances(study, evaluator=evaluator, target=_Value(index))
            for index in range(len(losses[0]))
        ]
    return [{path: float(share) for path, share in shares.items()} for shares in found]


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
