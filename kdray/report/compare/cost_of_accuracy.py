"""What picking by accuracy alone costs in discrepancy, tested on seeds that the pick has not seen; numpy only.

Ours. Configurations are trained with several seeds. By the metrics of one seed one is picked by accuracy alone,
and one by discrepancy among those within `near` of the best accuracy; both are looked up on their *other* seeds
and subtracted. So nothing is counted that a pick owes to luck on the seed it was picked by (the winner's
curse). Equal ones share the pick evenly. All seeds answer the same cases, though: luck with the draw
of cases stays in, and what is found holds for these cases.

The test: were the configurations so near in accuracy all alike in discrepancy, then it would not matter which
of them a measured discrepancy belongs to. On each seed the discrepancies of the near-best configurations are
permuted among them, and the whole computed again, picks and look-ups; p is the share of permutations that cost
as much or more. That is exact for this null hypothesis, however few the configurations. Accuracies and who is
near the best stay as they are.

Shapes: `B` permutations, `C` configurations, `S` seeds; NaN where a configuration was not trained with a seed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
DRAWS = 1999
_TIE = 1e-12


@dataclass(frozen=True)
class Cost:
    """What was paid on the seeds that the pick has not seen.

    Attributes:
        discrepancy_S: of the pick by accuracy, less that of the pick by discrepancy; a number for each seed that
            was picked by. Positive: accuracy alone picks students that mimic worse.
        accuracy_S: the same of accuracy. Positive: that much it bought.
        p_value: one-sided, of the mean of `discrepancy_S`; 1 where nothing can be permuted.
    """

    discrepancy_S: Floats
    accuracy_S: Floats
    p_value: float


def near_best(accuracy_N: Floats, near: float) -> Bools:
    """Whether each is within `near` of the best; False where NaN."""
    if not np.isfinite(accuracy_N).any():
        return np.zeros(len(accuracy_N), dtype=np.bool_)
    return np.asarray(accuracy_N >= np.nanmax(accuracy_N) - near - _TIE)


def several_seeds(accuracy_CS: Floats) -> Bools:
    """Which of a configuration's accuracies are there, where it has two or more."""
    is_there_CS = np.isfinite(accuracy_CS)
    return np.asarray(is_there_CS & (is_there_CS.sum(axis=1, keepdims=True) > 1))


def cost_of_accuracy(
    accuracy_CS: Floats, discrepancy_CS: Floats, near: float, draws: int = DRAWS
) -> Cost | None:
    """The cost over all seeds, and whether it is more than chance.

    Args:
        accuracy_CS: higher is better.
        discrepancy_CS: lower is better; NaN where `accuracy_CS` is.
        near: in the units of accuracy.
        draws: permutations; all of them are taken where they are no more than this.

    Returns:
        None where no configuration has two seeds.
    """
    is_usable_CS = several_seeds(accuracy_CS)
    accuracy_CS = np.where(is_usable_CS, accuracy_CS, np.nan)
    discrepancy_CS = np.where(is_usable_CS, discrepancy_CS, np.nan)
    seeds = np.flatnonzero(is_usable_CS.any(axis=0))
    if not len(seeds):
        return None
    accuracy_CS, discrepancy_CS = accuracy_CS[:, seeds], discrepancy_CS[:, seeds]
    near_CS = np.stack([near_best(column, near) for column in accuracy_CS.T], axis=1)
    best_CS = np.stack([near_best(column, 0.0) for column in accuracy_CS.T], axis=1)
    paid_S = _paid(discrepancy_CS[None], discrepancy_CS[None], near_CS, best_CS)[0]
    bought_S = _paid(discrepancy_CS[None], accuracy_CS[None], near_CS, best_CS)[0]
    permuted_BCS, is_all = _permuted(discrepancy_CS, near_CS, draws)
    reached = int(
        (_paid(permuted_BCS, permuted_BCS, near_CS, best_CS).mean(axis=1) >= paid_S.mean() - _TIE).sum()
    )
    total = len(permuted_BCS)
    return Cost(paid_S, bought_S, reached / total if is_all else (1 + reached) / (1 + total))


def _paid(picked_by_BCS: Floats, looked_up_BCS: Floats, near_CS: Bools, best_CS: Bools) -> Floats:
    """The pick by accuracy less the pick by discrepancy, on other seeds, for each seed picked by. float[B, S]."""
    others_BCS = _on_other_seeds(looked_up_BCS)
    least_BCS = np.where(near_CS, picked_by_BCS, np.inf)
    is_least_BCS = least_BCS <= least_BCS.min(axis=1, keepdims=True)
    return np.asarray(_mean_where(others_BCS, best_CS[None]) - _mean_where(others_BCS, is_least_BCS))


def _on_other_seeds(metric_BCS: Floats) -> Floats:
    """The mean over a configuration's seeds but this one."""
    count_BC1 = np.isfinite(metric_BCS).sum(axis=2, keepdims=True)
    total_BC1 = np.nansum(metric_BCS, axis=2, keepdims=True)
    return np.asarray((total_BC1 - metric_BCS) / np.maximum(count_BC1 - 1, 1))


def _mean_where(metric_BCS: Floats, is_meant_BCS: Bools) -> Floats:
    return np.asarray(
        np.where(is_meant_BCS, metric_BCS, 0.0).sum(axis=1) / is_meant_BCS.sum(axis=1), dtype=np.float64
    )


def _permuted(metric_CS: Floats, within_CS: Bools, draws: int) -> tuple[Floats, bool]:
    """float[B, C, S] with each seed's values permuted among its configurations, and whether that is all there
    are.
    """
    members = [np.flatnonzero(column) for column in within_CS.T]
    is_all = math.prod(math.factorial(min(len(member_N), 20)) for member_N in members) <= draws
    orders = _every_order(members) if is_all else _random_orders(members, draws)
    permuted_BCS = np.repeat(metric_CS[None], len(orders[0]), axis=0)
    for seed, (member_N, order_BN) in enumerate(zip(members, orders, strict=True)):
        permuted_BCS[:, member_N, seed] = metric_CS[member_N[order_BN], seed]
    return permuted_BCS, is_all


def _every_order(members: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Of each seed's members, in all combinations with the other seeds'. int[B, N] a seed."""
    each = itertools.product(*(itertools.permutations(range(len(member_N))) for member_N in members))
    return [np.array(orders, dtype=np.int64) for orders in zip(*each, strict=True)]


def _random_orders(members: Sequence[NDArray[Any]], draws: int) -> list[NDArray[Any]]:
    # RandomState: numpy promises that its numbers stay the same, so a table made again has the same p.
    random = np.random.RandomState(0)
    return [random.random_sample((draws, len(member_N))).argsort(axis=1) for member_N in members]
