"""A space as published searches see it: rows of genes, each with a short list of values.

A *row* holds for each dimension the index of one of its values. Rows of tables (`row_of`) come from outside
and are refused where a gene lies outside the space.

Shape suffixes: C rows, G genes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.errors import ConfigError, DataError, nearest
from kdray.search.space import Point, Space

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

HIDDEN, HEADS = "student.hidden", "student.heads"
TRIES = 1_000_000
"""Rows that are drawn in search of one that may be trained, before it is said that there is none."""
BATCH = 256


class Genes:
    """The genes of a space.

    Args:
        space: every dimension has finitely many values and no condition.
        refusal: why a point may not be trained, "" where it may.

    Raises:
        ConfigError: a dimension with infinitely many values or with a condition.
    """

    def __init__(self, space: Space, refusal: Callable[[Point], str]) -> None:
        for dimension in space.dimensions:
            if dimension.values() is None:
                raise ConfigError(f"space.{dimension.path}: a gene has a list of values: give it a step")
            if dimension.when:
                raise ConfigError(f"space.{dimension.path}: a gene is always there: leave out `when`")
        self.paths = [dimension.path for dimension in space.dimensions]
        self._values = [list(dimension.values() or ()) for dimension in space.dimensions]
        self.sizes_G = np.array([len(values) for values in self._values], np.int64)
        self._numbers = [_numbers(values) for values in self._values]
        self._refusal = refusal

    def point(self, row_G: NDArray[np.int64]) -> Point:
        """The point of a row."""
        return {
            path: values[int(gene)]
            for path, values, gene in zip(self.paths, self._values, row_G, strict=True)
        }

    def rows(self, points: Sequence[Mapping[str, Any]]) -> Rows:
        """int [C, G] of points of this space."""
        rows = [
            [values.index(point[path]) for path, values in zip(self.paths, self._values, strict=True)]
            for point in points
        ]
        return np.array(rows, np.int64).reshape(-1, len(self.paths))

    def check(self, point: Mapping[str, Any], source: str) -> Point:
        """A point that somebody else wrote down, in this space.

        Raises:
            DataError: a gene is missing, unknown or outside the space, or the point may not be trained; the gene
                is named.
        """
        for path in point:
            if path not in self.paths:
                raise DataError(f"{source}: unknown gene '{path}'{nearest(path, self.paths)}")
        for path, values in zip(self.paths, self._values, strict=True):
            if path not in point:
                raise DataError(f"{source}: gene '{path}' is missing")
            if point[path] not in values:
                raise DataError(f"{source}: gene '{path}' {point[path]!r} lies outside {_range(values)}")
        if refusal := self._refusal(dict(point)):
            raise DataError(f"{source}: {refusal}")
        return dict(point)

    def allowed(self, row_G: NDArray[np.int64]) -> bool:
        """Whether a row may be trained."""
        return not self._refusal(self.point(row_G))

    def draw(self, rng: np.random.Generator, count: int, pruned: Sequence[Rows] | None = None) -> Rows:
        """int [count, G], rows that may be trained, each gene drawn evenly from its values (or from those in
        `pruned`, indices a gene).

        Raises:
            ConfigError: none was found.
        """
        left = pruned or [np.arange(size) for size in self.sizes_G]
        allowed: list[Rows] = []
        for _ in range(TRIES // BATCH):
            rows_CG = np.stack([rng.choice(values, BATCH) for values in left], axis=1)
            allowed += [row_G for row_G in self.repaired(rows_CG) if self.allowed(row_G)]
            if len(allowed) >= count:
                return np.stack(allowed[:count])
        raise ConfigError(f"no row of {TRIES:,} may be trained: {self._refusal(self.point(rows_CG[0]))}")

    def column(self, path: str) -> int | None:
        """Which gene is at a path, None where it is none."""
        return self.paths.index(path) if path in self.paths else None

    def listed(self, path: str) -> list[Any]:
        """The values of a gene, in the order of their indices."""
        return self._values[self.paths.index(path)]

    def values(self, path: str, rows_CG: Rows) -> NDArray[Any]:
        """[C] what the rows say at a path that is a gene."""
        gene = self.paths.index(path)
        return np.array(self._values[gene])[rows_CG[:, gene]]

    def numbers(self, rows_CG: Rows) -> Floats:
        """float [C, G]: numbers as they are, other values by their place in the list, from 1 (as AVATAR and MORPH
        code tokenizers and activations).
        """
        columns = [numbers[rows_CG[:, g]] for g, numbers in enumerate(self._numbers)]
        return np.stack(columns, axis=1)

    def repaired(self, rows_CG: Rows) -> Rows:
        """Rows whose heads divide their hidden width: it moves to the nearest multiple, the lower of two."""
        hidden, heads = self.column(HIDDEN), self.column(HEADS)
        if hidden is None or heads is None:
            return rows_CG
        widths, rows_CG = np.array(self._values[hidden]), rows_CG.copy()
        heads_C = np.array(self._values[heads])[rows_CG[:, heads]]
        for c in np.flatnonzero(widths[rows_CG[:, hidden]] % heads_C):
            fitting = np.flatnonzero(widths % heads_C[c] == 0)
            if len(fitting):
                rows_CG[c, hidden] = fitting[np.argmin(np.abs(widths[fitting] - widths[rows_CG[c, hidden]]))]
        return rows_CG


def _numbers(values: Sequence[Any]) -> Floats:
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return np.array(values, np.float64)
    return np.arange(1, len(values) + 1, dtype=np.float64)


def _range(values: Sequence[Any]) -> str:
    return f"{values[0]}..{values[-1]}" if len(values) > 8 else ", ".join(map(str, values))
