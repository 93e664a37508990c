"""AVATAR (Shi et al., ICSE-SEIS 2024): a solver prunes the space, spread-out samples are trained, a Bayesian ridge
learns from them, and a genetic search keeps an archive of what is best in size, FLOPs and prediction at once.

As published, but for what its program leaves open or undone (ours):
- a gene has a list of values of its own, so that its partially mapped crossover, made for permutations, has
  nothing to map and is what remains of it: a segment of genes changes places;
- the archive holds what nothing dominates in the usual sense, not what nothing beats in all objectives at once;
- every objective that the formula does not give is predicted, not accuracy alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from kdray import pareto
from kdray.search.techniques import surrogates
from kdray.search.techniques.genes import Floats, Rows
from kdray.search.techniques.prune import feasible
from kdray.search.techniques.technique import Hope, LearningTechnique, Samples


class AvatarSettings(Samples):
    """Settings (`search.sampler_params`), the published ones."""

    samples: int = Field(20, ge=1)
    generations: int = Field(50, ge=1)
    population: int = Field(50, ge=2)
    crossover: float = Field(0.6, ge=0, le=1)
    mutation: float = Field(0.1, ge=0, le=1)
    tournament: int = Field(10, ge=1)


class Avatar(LearningTechnique):
    """Constraint solving, adaptive random sampling, Bayesian ridge, genetic search with an archive."""

    settings: AvatarSettings

    def design(self) -> Rows:
        """Adaptive random: of as many drawn rows as there are samples, always the one farthest from those
        taken.
        """
        rng = np.random.default_rng([self.seed, 0])
        left = feasible(self.genes, self.costs, self.settings.target_mb)
        taken_SG = self.genes.draw(rng, 1, left)
        while len(taken_SG) < self.settings.samples:
            drawn_CG = self.genes.draw(rng, self.settings.samples, left)
            gaps_CSG = self.genes.numbers(drawn_CG)[:, None] - self.genes.numbers(taken_SG)[None]
            nearest_C = (gaps_CSG**2).sum(axis=2).min(axis=1)
            if nearest_C.max() == 0:
                break  # fewer rows than samples
            taken_SG = np.concatenate([taken_SG, drawn_CG[[nearest_C.argmax()]]])
        return taken_SG

    def surrogate(self, name: str) -> Any:
        """A Bayesian ridge for everything."""
        return surrogates.ridge()

    def formula(self, rows_CG: Rows) -> dict[str, Floats]:
        """FLOPs, and how far the size is from its target, in MB."""
        costs = self.costs.of(rows_CG)
        return costs | {"size_mb": np.abs(costs["size_mb"] - self.settings.target_mb)}

    def search(self, hope: Hope) -> Rows:
        """Generations of children that replace their parents; what nothing dominates stays in the archive."""
        rng = np.random.default_rng([self.seed, 1])
        left = feasible(self.genes, self.costs, self.settings.target_mb)
        rows_CG = self.genes.draw(rng, self.settings.population, left)
        archive_PG = _front(rows_CG, hope)
        for _ in range(self.settings.generations):
            rows_CG = self._children(rng, rows_CG, hope(rows_CG), left)
            archive_PG = _front(np.concatenate([archive_PG, rows_CG]), hope)
        return archive_PG

    def _children(self, rng: np.random.Generator, rows_CG: Rows, losses_CM: Floats, left: list[Rows]) -> Rows:
        ranks_C = pareto.ranks(losses_CM, ["min"] * losses_CM.shape[1])
        count, num_genes = rows_CG.shape
        children: list[Rows] = []
        while len(children) < count:
            rivals_2T = rng.integers(count, size=(2, self.settings.tournament))
            one_G, two_G = rows_CG[rivals_2T[[0, 1], ranks_C[rivals_2T].argmin(axis=1)]].copy()
            if rng.random() <= self.settings.crossover:
                begin, end = np.sort(rng.integers(num_genes, size=2))
                segment = slice(begin, end + 1)
                one_G[segment], two_G[segment] = two_G[segment].copy(), one_G[segment].copy()
            children += [one_G, two_G]
        rows_CG = np.stack(children[:count])
        changed_CG = rng.random(rows_CG.shape) < self.settings.mutation
        anew_CG = np.stack([rng.choice(values, count) for values in left], axis=1)
        rows_CG = self.genes.repaired(np.where(changed_CG, anew_CG, rows_CG))
        return rows_CG[[self.genes.allowed(row_G) for row_G in rows_CG]]


def _front(rows_CG: Rows, hope: Hope) -> Rows:
    """The different rows that none dominates."""
    rows_CG = np.unique(rows_CG, axis=0)
    losses_CM = hope(rows_CG)
    return rows_CG[pareto.non_dominated(losses_CM, ["min"] * losses_CM.shape[1])]
