"""What all techniques share, and the two halves of a search that learns from samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.config import Part, Sweep
from kdray.search.model import Heard, Listener
from kdray.search.space import Point, identity
from kdray.search.techniques.costs import Costs
from kdray.search.techniques.genes import Floats, Genes, Rows

Hope = Callable[[Rows], Floats]
"""int [C, G] -> float [C, M], the losses that are hoped for: objectives, those to maximise with their sign
turned.
"""


class Technique(Listener, ABC):
    """A published search as a `Model`; subclasses propose."""

    @abstractmethod
    def ask(self, fits: Callable[[Point], bool]) -> Point | None:
        """See `Model`."""


class Samples(Part):
    """Settings (`search.sampler_params`) of a search that learns from samples.

    Attributes:
        samples: trials that are trained before anything is predicted.
        target_mb: the size that the search aims at.
        population: rows of a generation.
        generations: how often they have children.
    """

    samples: int
    target_mb: float = 3.0
    population: int = 50
    generations: int


class LearningTechnique(Technique):
    """Samples, then a search on what they taught, once; its archive in order of interest.

    Args:
        sweep: objectives and the seed; `size_mb` and `gflops` among them follow from the formula, the others are
            learnt.
        genes: of the space.
        settings: of the technique.
    """

    def __init__(self, sweep: Sweep, genes: Genes, settings: Samples) -> None:
        super().__init__()
        self._last_step = sweep.trial.budget.steps
        self.genes, self.settings = genes, settings
        self.costs = Costs(sweep, genes)
        self.signs = {name: -1 if mode == "max" else 1 for name, mode in sweep.objectives.items()}
        self.seed = sweep.search.seed
        self._design: list[Point] | None = None
        self._archive: list[Point] | None = None

    @abstractmethod
    def design(self) -> Rows:
        """int [samples, G], the rows that are trained first: a function of the seed."""

    @abstractmethod
    def surrogate(self, name: str) -> Any:
        """An estimator in scikit-learn's manner for an objective."""

    @abstractmethod
    def formula(self, rows_CG: Rows) -> dict[str, Floats]:
        """What is known of rows without training, by objective."""

    @abstractmethod
    def search(self, hope: Hope) -> Rows:
        """int [P, G], the archive of a search for little loss."""

    @property
    def waits(self) -> bool:
        """Until the last sample has ended nothing else begins: the surrogates are fitted once, on all of them."""
        return not self._undone() and any(not heard.ended for heard in self._first())

    def ask(self, fits: Callable[[Point], bool]) -> Point | None:
        """The next sample; when all have ended, the next of the archive."""
        for point in self._undone():
            if fits(point):
                return point
        if self._archive is None:
            self._archive = list(self._searched())
        return next((point for point in self._archive if fits(point)), None)

    def _undone(self) -> list[Point]:
        """Samples that have not begun."""
        if self._design is None:
            self._design = [self.genes.point(row_G) for row_G in self.design()]
        begun = {identity(heard.point) for heard in self._heard.values()}
        return [point for point in self._design if identity(point) not in begun]

    def _first(self) -> list[Heard]:
        """The trials up to the last sample: start points, what a fork inherits, samples. What the archive gave
        comes after them, so that a sweep that goes on learns from the same trials.
        """
        designed = {identity(point) for point in self._design or ()}
        trials = list(self._heard.values())
        last = max((n for n, heard in enumerate(trials) if identity(heard.point) in designed), default=-1)
        return trials[: last + 1]

    def _searched(self) -> Iterator[Point]:
        whole = [heard for heard in self._first() if self._last_step in heard.reports]
        if not whole:
            return
        values_CM = np.array([heard.reports[self._last_step] for heard in whole])
        hope = self.learn(self.genes.rows([heard.point for heard in whole]), values_CM)
        archive_PG = self.search(hope)
        away_P = np.abs(self.costs.of(archive_PG)["size_mb"] - self.settings.target_mb)
        for p in by_interest(away_P, hope(archive_PG)):
            yield self.genes.point(archive_PG[p])

    def learn(self, rows_CG: Rows, values_CM: Floats) -> Hope:
        """Fits the surrogates to trained rows and their objectives; returns what is hoped of any rows."""
        known = self.formula(rows_CG[:1])
        x_CG = self.genes.numbers(rows_CG)
        fitted = {
            name: self.surrogate(name).fit(x_CG, values_CM[:, m])
            for m, name in enumerate(self.signs)
            if name not in known
        }

        def hope(rows_CG: Rows) -> Floats:
            x_CG, costs = self.genes.numbers(rows_CG), self.formula(rows_CG)
            columns = [
                sign * (fitted[name].predict(x_CG) if name in fitted else costs[name])
                for name, sign in self.signs.items()
            ]
            return np.stack(columns, axis=1)

        return hope


def by_interest(away_P: Floats, losses_PM: Floats) -> NDArray[np.int64]:
    """The order in which an archive is trained: the row nearest the target size, then always the one farthest, in
    scaled losses, from all that were taken.
    """
    spread_M = losses_PM.max(axis=0) - losses_PM.min(axis=0)
    unit_PM = losses_PM / np.where(spread_M > 0, spread_M, 1.0)
    order = [int(away_P.argmin())]
    gaps_P = np.full(len(away_P), np.inf)
    while len(order) < len(away_P):
        gaps_P = np.minimum(gaps_P, ((unit_PM - unit_PM[order[-1]]) ** 2).sum(axis=1))
        gaps_P[order] = -1.0
        order.append(int(gaps_P.argmax()))
    return np.array(order, np.int64)
