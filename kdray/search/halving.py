"""Successive halving for several objectives, as pure arithmetic.

Rule (ours, after ASHA's stopping variant): a trial that reports at a rung goes on when it is among the best
`1/eta` of all that reported there so far, itself included, and always while fewer than `eta` did. Best means:
by front (non-dominated sorting), and within a front by an epsilon net: first the point with the best sum of
normalised objectives, then again and again the one farthest from those taken, so that what goes on covers the
front instead of crowding at one end (MO-ASHA; Schmucker et al. 2021, arXiv:2106.12639).

A rung decides only once it has proven to foretell the end (ours): over the trials that finished, at least five,
its reports must have the order of the last rung's, by a rank correlation of `trust` in every objective. Until then
all go on. Noisy first rungs do more harm than early stopping does good; see tests/benchmarks/halving.py.

All objectives are losses here (smaller is better). Not here: Ray (`workers`), and the study (`experiment`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kdray import pareto

Losses = NDArray[np.float64]

PROVEN = 5
"""Finished trials from which a rung may be trusted."""


def epsilon_net(losses_RM: Losses) -> list[int]:
    """The R points in the order of an epsilon net: the best sum first, then always the farthest from those
    before.
    """
    low, high = losses_RM.min(0), losses_RM.max(0)
    unit_RM = (losses_RM - low) / np.where(high > low, high - low, 1.0)
    order = [int(unit_RM.sum(1).argmin())]
    distance_R = np.linalg.norm(unit_RM - unit_RM[order[0]], axis=1)
    while len(order) < len(unit_RM):
        distance_R[order] = -1.0
        order.append(int(distance_R.argmax()))
        distance_R = np.minimum(distance_R, np.linalg.norm(unit_RM - unit_RM[order[-1]], axis=1))
    return order


def ranking(losses_RM: Losses) -> NDArray[np.int64]:
    """int64 [R] the place of each point, 0 the best: by front, then by the epsilon net of its front."""
    front_R = pareto.ranks(losses_RM, ["min"] * losses_RM.shape[1])
    order: list[int] = []
    for number in range(int(front_R.max()) + 1):
        members = np.flatnonzero(front_R == number)
        order += [int(members[i]) for i in epsilon_net(losses_RM[members])]
    place_R = np.empty(len(order), np.int64)
    place_R[order] = np.arange(len(order))
    return place_R


class Halving:
    """What was reported at each rung, and who goes on.

    Args:
        rungs: the steps at which trials report; the last one is the end.
        signs: +1 for each objective to minimise, -1 for each to maximise.
        eta: one in `eta` goes on.
        trust: the rank correlation with the last rung from which a rung stops anybody; -1 means at once, as in
            MO-ASHA.
        grace: nobody is stopped before this step.
        brackets: every `brackets`-th trial may be stopped from the first rung on, the one after it from the
            second on, and so forth; insurance against first rungs that say little.
    """

    def __init__(
        self,
        rungs: Sequence[int],
        signs: Sequence[int],
        eta: int,
        *,
        trust: float = -1.0,
        grace: int = 0,
        brackets: int = 1,
    ) -> None:
        self._signs = np.array(signs, np.float64)
        self._eta = eta
        self._trust = trust
        self._grace = grace
        self._brackets = brackets
        self._rungs = tuple(rungs)
        self._reports: dict[int, dict[str, Losses]] = {rung: {} for rung in rungs}

    def record(self, key: str, step: int, values: Sequence[float]) -> None:
        """Notes a report without deciding (a resumed sweep)."""
        if step in self._reports:
            self._reports[step][key] = np.array(values, np.float64) * self._signs

    def goes_on(self, key: str, step: int, values: Sequence[float], number: int = 0) -> bool:
        """Notes a report of trial `number` and says whether it goes on; at the last rung (or a step that is no
        rung) it does.
        """
        self.record(key, step, values)
        if step not in self._rungs[number % self._brackets : -1] or step < self._grace:
            return True
        reports = self._reports[step]
        if len(reports) < self._eta:
            return True
        if not self._foretells(step):
            return True
        place = ranking(np.stack(list(reports.values())))[list(reports).index(key)]
        return bool(place < len(reports) // self._eta)

    def _foretells(self, step: int) -> bool:
        """Whether the trials that finished came in the order in which they had been at this rung, by each
        objective.
        """
        if self._trust == -1:
            return True
        here, there = self._reports[step], self._reports[self._rungs[-1]]
        both = [key for key in there if key in here]
        if len(both) < PROVEN:
            return False
        x_NM, y_NM = np.stack([here[key] for key in both]), np.stack([there[key] for key in both])
        return all(rank_correlation(x, y) >= self._trust for x, y in zip(x_NM.T, y_NM.T, strict=True))


def rank_correlation(x_N: Losses, y_N: Losses) -> float:
    """Spearman's, equal values sharing a rank; 0 where one of the two does not vary."""
    ranks_2N = np.stack(
        [np.searchsorted(np.sort(v), v) + np.searchsorted(np.sort(v), v, "right") for v in (x_N, y_N)]
    )
    if (ranks_2N.min(1) == ranks_2N.max(1)).any():
        return 0.0
    return float(np.corrcoef(ranks_2N)[0, 1])
