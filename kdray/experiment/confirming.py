"""What a sweep trains again once its search has ended (`search.confirm`): which settings, and with which seeds.

A trial that confirms another has its whole configuration but for the seed, and is judged on as many cases as
`confirm.cases` says. Which ones is told by the folder's results alone, so that a driver that comes later, or goes
on after a kill, plans the same.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from kdray import results
from kdray.config import Sweep, Trial
from kdray.report import confirmed


class Confirming:
    """The plan of a sweep whose search has ended.

    Args:
        sweep: says how many.
        folder: the experiment folder; None, as in simulations, plans nothing.
        cases: how many the suite has, where that is known.
    """

    def __init__(self, sweep: Sweep, folder: str | Path | None, cases: int | None) -> None:
        self._sweep = sweep
        self._folder = folder
        self._cases = cases

    @cached_property
    def planned(self) -> list[tuple[str, int]]:
        """Key and seed of each trial that is to be trained again; to be asked when the search has ended."""
        if self._folder is None or self._sweep.search.confirm is None:
            return []
        return confirmed.planned(results.read(self._folder), self._sweep)

    def trial(self, whole: Trial, seed: int) -> Trial:
        """A trial with another seed, judged on the cases that were asked for."""
        confirm, evaluation = self._sweep.search.confirm, whole.evaluation
        asked = None if confirm is None else self._cases if confirm.cases == "all" else confirm.cases
        cases = max(evaluation.cases, asked or 0)
        judged = evaluation.model_copy(update={"cases": cases})
        return whole.model_copy(update={"seed": seed, "evaluation": judged})
