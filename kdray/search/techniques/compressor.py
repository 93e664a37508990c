"""Compressor (Shi et al., ASE 2022): a genetic search on size and FLOPs alone, then one distillation a size.

Fitness = GFLOPs - |size - target| in MB: of all students of one size, the one that computes most. A child is
made by one-point crossover of the genes in the order of their names, or else by changing every gene from a
chance one on; rows are unique; the best of parents and children live on. The best of a few searches is
trained.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydantic import Field

from kdray.config import Part, Sweep
from kdray.errors import ConfigError
from kdray.search.space import Point
from kdray.search.techniques.costs import Costs
from kdray.search.techniques.genes import Floats, Genes, Rows
from kdray.search.techniques.technique import Technique

PUBLISHED_NAMES = {
    "student.heads": "attention_heads",
    "student.hidden": "hidden_dim",
    "student.feed_forward": "intermediate_size",
    "student.layers": "n_layers",
    "student.vocab": "vocab_size",
}
"""Their order is that of the genes in a crossover, and decides which of them travel together."""


class CompressorSettings(Part):
    """Settings (`search.sampler_params`): as published, the best of ten searches a target."""

    targets_mb: tuple[float, ...] = Field((3.0, 25.0, 50.0), min_length=1)
    population: int = Field(50, ge=2)
    generations: int = Field(100, ge=1)
    crossover: float = Field(0.6, ge=0, le=1)
    searches: int = Field(10, ge=1)


class Compressor(Technique):
    """Proposes the best student of each target size in turn.

    Raises:
        ConfigError: more trials than target sizes.
    """

    def __init__(self, sweep: Sweep, genes: Genes, settings: CompressorSettings) -> None:
        super().__init__()
        if sweep.search.trials > len(settings.targets_mb):
            raise ConfigError(
                f"search.trials {sweep.search.trials}: compressor trains one student a target size, and"
                f" sampler_params.targets_mb names {len(settings.targets_mb)}"
            )
        self._genes, self._settings, self._seed = genes, settings, sweep.search.seed
        self._costs = Costs(sweep, genes, whole_table=True)
        self._best: dict[float, Point] = {}

    def ask(self, fits: Callable[[Point], bool]) -> Point | None:
        """The best student of the first target size whose best was not tried yet."""
        for target_mb in self._settings.targets_mb:
            if target_mb not in self._best:
                self._best[target_mb] = self.best(target_mb)
            if fits(self._best[target_mb]):
                return self._best[target_mb]
        return None

    def best(self, target_mb: float) -> Point:
        """The fittest row of all searches, a function of the seed and the target."""
        searches = range(self._settings.searches)
        rows_CG = np.stack([self._search(target_mb, number) for number in searches])
        return self._genes.point(rows_CG[self._fitness(rows_CG, target_mb).argmax()])

    def _fitness(self, rows_CG: Rows, target_mb: float) -> Floats:
        costs = self._costs.of(rows_CG)
        return np.asarray(costs["gflops"] - np.abs(costs["size_mb"] - target_mb))

    def _search(self, target_mb: float, number: int) -> Rows:
        """int [G], the fittest row of one search."""
        rng = np.random.default_rng([self._seed, round(target_mb * 1000), number])
        size = self._settings.population
        rows_CG = self._unique(
            rng, self._genes.draw(rng, size), np.empty((0, len(self._genes.paths)), np.int64)
        )
        for _ in range(self._settings.generations):
            rows_CG = np.concatenate([rows_CG, self._unique(rng, self._children(rng, rows_CG), rows_CG)])
            rows_CG = rows_CG[np.argsort(-self._fitness(rows_CG, target_mb), kind="stable")[:size]]
        return np.asarray(rows_CG[0])

    def _children(self, rng: np.random.Generator, rows_CG: Rows) -> Rows:
        order = np.argsort([PUBLISHED_NAMES.get(path, path) for path in self._genes.paths])
        children: list[Rows] = []
        while len(children) < len(rows_CG):
            one_G, two_G = rows_CG[rng.choice(len(rows_CG), 2, replace=False)].copy()
            if rng.random() < self._settings.crossover and len(order) > 1:
                tail = order[rng.integers(1, len(order)) :]
                one_G[tail], two_G[tail] = two_G[tail].copy(), one_G[tail].copy()
                children += [one_G, two_G]
            else:
                children += [self._mutated(rng, one_G), self._mutated(rng, two_G)]
        return np.stack(children)

    def _mutated(self, rng: np.random.Generator, row_G: Rows) -> Rows:
        """Another value for every gene from a chance one on."""
        row_G = row_G.copy()
        for g in range(rng.integers(len(row_G)), len(row_G)):
            if (size := int(self._genes.sizes_G[g])) > 1:
                row_G[g] = (row_G[g] + rng.integers(1, size)) % size
        return row_G

    def _unique(self, rng: np.random.Generator, new_CG: Rows, there_CG: Rows) -> Rows:
        """The new rows, each mutated until it may be trained and is none of the others."""
        seen = {tuple(row_G) for row_G in there_CG}
        unique: list[Rows] = []
        for row_G in new_CG:
            row_G = self._genes.repaired(row_G[None])[0]
            for _ in range(TRIES):
                if tuple(row_G) not in seen and self._genes.allowed(row_G):
                    seen.add(tuple(row_G))
                    unique.append(row_G)
                    break
                row_G = self._genes.repaired(self._mutated(rng, row_G)[None])[0]
        return np.stack(unique) if unique else new_CG[:0]


TRIES = 100
"""Mutations of a child that is a copy of another row, before there is one child less: a small space runs out."""
