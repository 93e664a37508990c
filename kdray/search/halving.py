"""Successive halving for several objectives, as pure arithmetic.

Rule (ours, after ASHA's stopping variant): a trial that reports at a rung goes on when it is among the best
`1/eta` of all that reported there so far, itself included, and always while fewer than `eta` did. Best means:
by front (non-dominated sorting), and within a front by an epsilon net: first the point with the best sum of
normalised objectives, then again and again the one farthest from those taken, so that what goes on covers the
front instead of crowding at one end (MO-ASHA; Schmucker et al. 2021, arXiv:2106.12639).

All objectives are losses here (smaller is better). Not here: Ray (`scheduler`), and the study (`study`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kdray import pareto

Losses = NDArray[np.float64]


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
    """

    def __init__(self, rungs: Sequence[int], signs: Sequence[int], eta: int) -> None:
        self._signs = np.array(signs, np.float64)
        self._eta = eta
        self._reports: dict[int, dict[str, Losses]] = {rung: {} for rung in rungs[:-1]}

    def record(self, key: str, step: int, values: Sequence[float]) -> None:
        """Notes a report without deciding (a resumed sweep)."""
        if step in self._reports:
            self._reports[step][key] = np.array(values, np.float64) * self._signs

    def goes_on(self, key: str, step: int, values: Sequence[float]) -> bool:
        """Notes a report and says whether the trial goes on; at the last rung (or a step that is no rung) it
        does.
        """
        self.record(key, step, values)
        reports: Mapping[str, Losses] = self._reports.get(step, {})
        if len(reports) < self._eta:
            return True
        place = ranking(np.stack(list(reports.values())))[list(reports).index(key)]
        return bool(place < len(reports) // self._eta)
