"""MORPH (Panichella, ICSE 2025): a Latin hypercube is trained, gradient boosting predicts accuracy and flips,
AGE-MOEA searches for the front of size, accuracy, flips and FLOPs.

By scipy, scikit-learn and pymoo. As published: population 50, 100 generations, SBX of .9 with eta 15, polynomial
mutation with eta 30, a first population that is a Latin hypercube too, and rows repaired until their heads divide
the hidden width. The operators see every gene as a number between the indices of its first and last value,
rounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field
from pymoo.algorithms.moo.age import AGEMOEA
from pymoo.core.problem import Problem
from pymoo.core.repair import Repair
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.mutation.pm import PM
from pymoo.optimize import minimize
from scipy.stats import qmc

from kdray.search.techniques import surrogates
from kdray.search.techniques.genes import Floats, Genes, Rows
from kdray.search.techniques.technique import Hope, LearningTechnique, Samples

SHARES = ("accuracy",)
"""Objectives whose surrogate is fitted through the logit."""


class MorphSettings(Samples):
    """Settings (`search.sampler_params`), the published ones.

    Attributes:
        tuned: search the published grid for the surrogate of flips, about a minute.
    """

    samples: int = Field(50, ge=1)
    generations: int = Field(100, ge=1)
    population: int = Field(50, ge=4)
    crossover: float = Field(0.9, ge=0, le=1)
    crossover_eta: float = Field(15, gt=0)
    mutation_eta: float = Field(30, gt=0)
    tuned: bool = True


class Morph(LearningTechnique):
    """Latin hypercube, two gradient-boosting surrogates, AGE-MOEA with its operators and repair."""

    settings: MorphSettings

    def design(self) -> Rows:
        """A Latin hypercube, repaired."""
        return self._hypercube(self.settings.samples, [self.seed, 0])

    def _hypercube(self, count: int, seed: list[int]) -> Rows:
        unit_CG = qmc.LatinHypercube(len(self.genes.paths), rng=np.random.default_rng(seed)).random(count)
        rows_CG = np.floor(unit_CG * self.genes.sizes_G).astype(np.int64)
        rows_CG = np.unique(self.genes.repaired(rows_CG), axis=0)
        return np.random.default_rng(seed).permutation(
            rows_CG[[self.genes.allowed(row_G) for row_G in rows_CG]]
        )

    def surrogate(self, name: str) -> Any:
        """Gradient boosting."""
        if name in SHARES:
            return surrogates.boosted_share(self.seed)
        return surrogates.boosted(self.seed, tuned=self.settings.tuned)

    def formula(self, rows_CG: Rows) -> dict[str, Floats]:
        """Size and FLOPs."""
        return self.costs.of(rows_CG)

    def search(self, hope: Hope) -> Rows:
        """The last front of AGE-MOEA."""
        settings = self.settings
        algorithm = AGEMOEA(
            pop_size=settings.population,
            sampling=self._hypercube(settings.population, [self.seed, 1]).astype(np.float64),
            crossover=SBX(prob=settings.crossover, eta=settings.crossover_eta),
            mutation=PM(eta=settings.mutation_eta),
            repair=_Repaired(self.genes),
        )
        problem = _Hoped(self.genes, hope, len(self.signs))
        result = minimize(problem, algorithm, ("n_gen", settings.generations), seed=self.seed)
        rows_CG = np.unique(_rounded(np.atleast_2d(result.X)), axis=0)
        return rows_CG[[self.genes.allowed(row_G) for row_G in rows_CG]]


class _Hoped(Problem):  # type: ignore[misc]
    """Rows as pymoo's variables, their hoped losses as its objectives."""

    def __init__(self, genes: Genes, hope: Hope, num_losses: int) -> None:
        super().__init__(n_var=len(genes.paths), n_obj=num_losses, xl=0.0, xu=genes.sizes_G - 1.0)
        self._hope = hope

    def _evaluate(self, x: Floats, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        out["F"] = self._hope(_rounded(x))


class _Repaired(Repair):  # type: ignore[misc]
    """Whole indices, and heads that divide the hidden width."""

    def __init__(self, genes: Genes) -> None:
        super().__init__()
        self._genes = genes

    def _do(self, problem: Any, x: Floats, **kwargs: Any) -> Floats:
        return self._genes.repaired(_rounded(x)).astype(np.float64)


def _rounded(x_CG: Floats) -> Rows:
    return np.rint(x_CG).astype(np.int64)
