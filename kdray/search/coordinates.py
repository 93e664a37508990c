"""Points of a space as rows of numbers, so that thousands can be drawn, varied and compared at once.

A *row* u_D has one number a dimension: the index of the value where there are finitely many, a position in [0, 1]
where there are not, -1 where a condition switches the dimension off. *Features* x_F are what a model measures
distances in: ordered values (numbers, also those of a list) lie on a line, others are all equally far apart.

Shape suffixes: D dimensions, F features, C rows (candidates).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import FloatDistribution, IntDistribution

from kdray.search.space import Dimension, Point, Space

Rows = NDArray[np.float64]

MANY = 1000
"""A whole range with more values than this is treated as continuous."""
SAME_GROUP = math.sqrt(0.5)
"""Two different one-hot codes of this height are at distance 1."""


class Coordinates:
    """Rows, features and points of one space."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._axes = [_Axis(dimension) for dimension in space.dimensions]
        self._column = {dimension.path: d for d, dimension in enumerate(space.dimensions)}
        self.groups_F = np.array([d for d, axis in enumerate(self._axes) for _ in range(axis.width)])

    def draw(self, rng: np.random.Generator, count: int) -> Rows:
        """`count` rows at random, each value of a dimension as likely as another: float [count, D]."""
        rows_CD = np.stack([axis.draw(rng, count) for axis in self._axes], axis=1)
        return self._switched(rows_CD, rng)

    def vary(self, rng: np.random.Generator, rows_CD: Rows, count: int) -> Rows:
        """`count` rows near some of those given: one dimension changes, others now and then."""
        new_CD = rows_CD[rng.integers(0, len(rows_CD), count)].copy()
        num_dims = new_CD.shape[1]
        change_CD = rng.random(new_CD.shape) < 1.0 / num_dims
        change_CD[np.arange(count), rng.integers(0, num_dims, count)] = True
        for d, axis in enumerate(self._axes):
            on = change_CD[:, d] & (new_CD[:, d] >= 0)
            new_CD[on, d] = axis.step(rng, new_CD[on, d])
        return self._switched(new_CD, rng)

    def _switched(self, rows_CD: Rows, rng: np.random.Generator) -> Rows:
        """Dimensions off where their condition does not hold, and drawn where it newly does."""
        for d, axis in enumerate(self._axes):
            on_C = np.ones(len(rows_CD), bool)
            for path, allowed in axis.dimension.when.items():
                parent = self._column[path]
                indices = [self._axes[parent].row(value) for value in allowed]
                on_C &= np.isin(rows_CD[:, parent], indices)
            new_C = on_C & (rows_CD[:, d] < 0)
            rows_CD[new_C, d] = axis.draw(rng, int(new_C.sum()))
            rows_CD[~on_C, d] = -1.0
        return rows_CD

    def features(self, rows_CD: Rows) -> NDArray[np.float64]:
        """float [C, F]; which dimension a feature belongs to is in `groups_F`."""
        return np.concatenate([axis.features(rows_CD[:, d]) for d, axis in enumerate(self._axes)], axis=1)

    def row(self, point: Mapping[str, Any]) -> NDArray[np.float64]:
        """float [D] the row of a point."""
        return np.array(
            [
                axis.row(point[axis.dimension.path]) if axis.dimension.path in point else -1.0
                for axis in self._axes
            ]
        )

    def point(self, row_D: NDArray[np.float64]) -> Point:
        """The point of a row."""
        pairs = zip(self._axes, row_D, strict=True)
        return {axis.dimension.path: axis.value(float(u)) for axis, u in pairs if u >= 0}


class _Axis:
    """One dimension as a column."""

    def __init__(self, dimension: Dimension) -> None:
        self.dimension = dimension
        values = dimension.values()
        spec = dimension.distribution
        log_scale = isinstance(spec, (IntDistribution, FloatDistribution)) and spec.log
        finite = values is not None and len(values) <= MANY and not (log_scale and len(values) > 2)
        self._values = list(values) if finite and values is not None else None
        ordered = self._values is None or all(
            isinstance(v, (int, float)) and not isinstance(v, bool) for v in self._values
        )
        self._ranks = np.argsort(np.argsort(self._values)) if ordered and self._values is not None else None
        self.width = 1 if ordered else len(self._values or ())

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        if self._values is None:
            return rng.random(count)
        return rng.integers(0, len(self._values), count).astype(np.float64)

    def step(self, rng: np.random.Generator, u_C: NDArray[np.float64]) -> NDArray[np.float64]:
        """Near values: a small or large step on a line, any other value where there is no order."""
        if self._values is None:
            width_C = 10.0 ** rng.uniform(-2.5, -0.5, len(u_C))
            return np.clip(u_C + width_C * rng.standard_normal(len(u_C)), 0.0, 1.0)
        size = len(self._values)
        anywhere_C = rng.integers(0, size, len(u_C)).astype(np.float64)
        if self._ranks is None or size < 4:
            return anywhere_C
        by_rank = np.argsort(self._ranks)
        reach = max(1, round(size / 8))
        steps_C = rng.integers(1, reach + 2, len(u_C)) * rng.choice([-1, 1], len(u_C))
        near_C = by_rank[np.clip(self._ranks[u_C.astype(np.int64)] + steps_C, 0, size - 1)]
        return np.where(rng.random(len(u_C)) < 0.75, near_C, anywhere_C)

    def features(self, u_C: NDArray[np.float64]) -> NDArray[np.float64]:
        off_C = u_C < 0
        if self._values is None:
            x_C1 = u_C[:, None]
        elif self._ranks is not None:
            x_C1 = (self._ranks[u_C.astype(np.int64)] / max(1, len(self._values) - 1))[:, None]
        else:
            x_C1 = np.eye(len(self._values))[u_C.astype(np.int64)] * SAME_GROUP
        return np.where(off_C[:, None], 0.5 if self.width == 1 else 0.0, x_C1)

    def row(self, value: Any) -> float:
        spec = self.dimension.distribution
        if self._values is not None:
            if isinstance(spec, FloatDistribution):
                return float(np.argmin(np.abs(np.array(self._values) - value)))
            return float(self._values.index(value))
        assert isinstance(spec, (IntDistribution, FloatDistribution))  # noqa: S101 - others are finite
        low, high, at = spec.low, spec.high, value
        if spec.log:
            low, high, at = math.log(low), math.log(high), math.log(value)
        return float(min(max((at - low) / (high - low), 0.0), 1.0))

    def value(self, u: float) -> Any:
        spec = self.dimension.distribution
        if self._values is not None:
            return self._values[int(u)]
        assert isinstance(spec, (IntDistribution, FloatDistribution))  # noqa: S101 - others are finite
        if spec.log:
            value = math.exp(math.log(spec.low) + u * (math.log(spec.high) - math.log(spec.low)))
        else:
            value = spec.low + u * (spec.high - spec.low)
        value = min(max(value, spec.low), spec.high)
        if isinstance(spec, IntDistribution):
            return spec.low + round((value - spec.low) / spec.step) * spec.step
        return value
