"""From violated relations to one number, and what is reported beside it. All definitions here are ours.

`metamorphic_discrepancy` is the mean over the relations of violated / counted. A relation that counted no
input (no confident teacher, say) says nothing and is left out of the mean. Variants of one input are not
independent, so the interval of the mean draws whole inputs with all their variants.

Shape suffixes: N inputs (variants), R relations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.evaluation.intervals import wilson
from kdray.metamorphic.relations import RELATIONS, Answers, Thresholds, Violations, violations

THRESHOLD_OF = {
    "distribution_similarity": "similarity_bits",
    "high_confidence_preservation": "confidence",
    "calibration_alignment": "calibration",
}


@dataclass(frozen=True)
class Rate:
    """How often something happened."""

    hits: int
    total: int

    @property
    def share(self) -> float:
        """hits / total; nan without a case."""
        return self.hits / self.total if self.total else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval."""
        return wilson(self.hits, self.total)


def rates(by_relation: Mapping[str, Violations]) -> dict[str, Rate]:
    """Each relation's violated / counted."""
    return {name: Rate(int(v.violated.sum()), int(v.counted.sum())) for name, v in by_relation.items()}


def discrepancy(by_relation: Mapping[str, Violations], relations: Sequence[str] = RELATIONS) -> float:
    """Mean violated / counted over the relations that counted an input, in [0, 1]; nan where none did."""
    shares = [rate.share for name, rate in rates(by_relation).items() if name in relations and rate.total]
    return float(np.mean(shares)) if shares else float("nan")


def violating_share(by_relation: Mapping[str, Violations]) -> Rate:
    """The inputs that violate at least one relation."""
    violated = np.stack([v.violated for v in by_relation.values()])
    return Rate(int(violated.any(0).sum()), violated.shape[1])


def discrepancy_interval(
    by_relation: Mapping[str, Violations], case_N: NDArray[Any], seed: int, draws: int = 500
) -> tuple[float, float]:
    """The 95 % percentile interval of `discrepancy`, drawing cases, or groups of them, with all their variants.

    Args:
        by_relation: R relations on N variants.
        case_N: of which case or group each is a variant, anything that `numpy.unique` takes.
        seed: of the draws.
        draws: bootstrap samples.

    Returns:
        Low and high end; (nan, nan) where nothing was counted.
    """
    _, group_N = np.unique(case_N, return_inverse=True)
    num = int(group_N.max()) + 1 if len(group_N) else 0
    hits_RN = np.array([np.bincount(group_N, v.violated, num) for v in by_relation.values()])
    total_RN = np.array([np.bincount(group_N, v.counted, num) for v in by_relation.values()])
    if not total_RN.any():
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(draws):
        chosen = rng.integers(num, size=num)
        hits_R, total_R = hits_RN[:, chosen].sum(1), total_RN[:, chosen].sum(1)
        if total_R.any():
            means.append((hits_R[total_R > 0] / total_R[total_R > 0]).mean())
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def curve(answers: Answers, relation: str, values: Sequence[float], thresholds: Thresholds) -> list[Rate]:
    """One relation's rate at each value of its threshold, the others as they are.

    Raises:
        KeyError: for `prediction_agreement`, which has no threshold.
    """
    field = THRESHOLD_OF[relation]
    return [rates(violations(answers, replace(thresholds, **{field: v})))[relation] for v in values]


def flips(clean: Sequence[Any], variants: Sequence[Any]) -> Rate:
    """MORPH's prediction flips: how often a model says something else on the variant than on its clean input.

    Args:
        clean: a model's predictions on the clean inputs, one for each variant.
        variants: its predictions on the variants, renamed back.
    """
    return Rate(sum(a != b for a, b in zip(clean, variants, strict=True)), len(clean))
