"""The space of a sweep in Optuna's words, and points as overrides of the base trial.

A *point* is a plain dict, dotted path -> value, over the paths that are active in it (`when`). Optuna stores
*params*: the same, but for choices that are no scalars (a whole student, a list of rungs), which go in as
JSON text. The order of the dimensions is such that a condition comes after the paths it names.

Not here: which point to try (`proposer`), and whether a point is allowed (`constraints`).
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from kdray.config import Choice, Range, Sweep, as_data, contains, is_whole, value_at
from kdray.errors import ConfigError

Point = dict[str, Any]

_JSON_STARTS = ("{", "[", '"')


@dataclass(frozen=True)
class Dimension:
    """One path of the space.

    Attributes:
        path: dotted path into a trial.
        distribution: its values as Optuna sees them.
        when: path -> the values with which this dimension is there.
    """

    path: str
    distribution: BaseDistribution
    when: Mapping[str, tuple[Any, ...]]

    def active(self, point: Mapping[str, Any]) -> bool:
        """Whether this path is there, given the paths before it."""
        return all(path in point and point[path] in allowed for path, allowed in self.when.items())

    def values(self) -> Sequence[Any] | None:
        """Every value in order, None where there are infinitely many."""
        spec = self.distribution
        if isinstance(spec, CategoricalDistribution):
            return [decode(choice) for choice in spec.choices]
        if isinstance(spec, IntDistribution):
            return range(spec.low, spec.high + 1, spec.step)
        if isinstance(spec, FloatDistribution) and spec.step is not None:
            count = round((spec.high - spec.low) / spec.step) + 1
            return [min(spec.low + i * spec.step, spec.high) for i in range(count)]
        return None

    def cast(self, value: Any) -> Any:
        """A value of a file as the value of this dimension: `1` is `1.0` where the field is a float."""
        return float(value) if isinstance(self.distribution, FloatDistribution) else value

    def draw(self, rng: random.Random) -> Any:
        """A value at random, even in the logarithm where the range says so."""
        spec, values = self.distribution, self.values()
        if isinstance(spec, (IntDistribution, FloatDistribution)) and spec.log:
            value = math.exp(rng.uniform(math.log(spec.low), math.log(spec.high)))
            value = min(max(value, spec.low), spec.high)
            return round(value) if isinstance(spec, IntDistribution) else value
        if values is not None:
            return rng.choice(values)
        assert isinstance(spec, FloatDistribution)  # noqa: S101 - every other kind has values
        return rng.uniform(spec.low, spec.high)


@dataclass(frozen=True)
class Space:
    """All dimensions, conditions after what they name."""

    dimensions: tuple[Dimension, ...]

    @property
    def conditional(self) -> bool:
        """Whether some path is there only with certain values of another."""
        return any(dimension.when for dimension in self.dimensions)

    def fill(self, choose: Callable[[Dimension], Any]) -> Point:
        """A point, each active dimension's value from `choose`, in order."""
        point: Point = {}
        for dimension in self.dimensions:
            if dimension.active(point):
                point[dimension.path] = choose(dimension)
        return point

    def params(self, point: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        """What Optuna stores for a point: params and their distributions."""
        spaces = {d.path: d.distribution for d in self.dimensions if d.path in point}
        return {path: encode(point[path]) for path in spaces}, spaces

    def point(self, params: Mapping[str, Any]) -> Point:
        """The point of Optuna's params."""
        return {
            dimension.path: decode(params[dimension.path])
            for dimension in self.dimensions
            if dimension.path in params
        }

    def points(self) -> Iterator[Point] | None:
        """Every point in order, None where there are infinitely many."""
        if any(dimension.values() is None for dimension in self.dimensions):
            return None
        return self._expand({}, 0)

    def _expand(self, point: Point, depth: int) -> Iterator[Point]:
        if depth == len(self.dimensions):
            yield dict(point)
            return
        dimension = self.dimensions[depth]
        if not dimension.active(point):
            yield from self._expand(point, depth + 1)
            return
        for value in dimension.values() or []:
            yield from self._expand({**point, dimension.path: value}, depth + 1)


def build(sweep: Sweep) -> Space:
    """The space of a sweep. Raises `ConfigError` for a range that Optuna cannot hold or conditions that go
    round in a circle.
    """
    dimensions = {path: _dimension(sweep, path, spec) for path, spec in sweep.space.items()}
    ordered: list[Dimension] = []
    while len(ordered) < len(dimensions):
        known = {dimension.path for dimension in ordered}
        ready = [d for path, d in dimensions.items() if path not in known and known.issuperset(d.when)]
        if not ready:
            left = sorted(set(dimensions) - known)
            raise ConfigError(f"{sweep.name}: space: the conditions of {', '.join(left)} wait for each other")
        ordered += ready
    return Space(tuple(ordered))


def _dimension(sweep: Sweep, path: str, spec: Choice | Range) -> Dimension:
    if isinstance(spec, Choice):
        return Dimension(path, CategoricalDistribution([encode(value) for value in spec.choices]), spec.when)
    low, high = spec.range
    if spec.step is not None and not _divides(spec.step, high - low):
        raise ConfigError(f"{sweep.name}: space.{path}: step {spec.step} does not lead from {low} to {high}")
    try:
        if is_whole(sweep, path, spec):
            return Dimension(
                path, IntDistribution(int(low), int(high), spec.log, int(spec.step or 1)), spec.when
            )
        return Dimension(path, FloatDistribution(float(low), float(high), spec.log, spec.step), spec.when)
    except ValueError as error:
        raise ConfigError(f"{sweep.name}: space.{path}: {error}") from None


def base_point(sweep: Sweep, space: Space) -> Point:
    """The base trial's own values of the paths in the space, where they lie in it."""
    config = as_data(sweep.trial)
    base = {dimension.path: value_at(config, dimension.path) for dimension in space.dimensions}
    return {
        path: value
        for path, value in base.items()
        if value is not None and contains(sweep.space[path], value)
    }


def _divides(step: float, width: float) -> bool:
    if step <= 0:
        return False
    return math.isclose(round(width / step) * step, width, rel_tol=1e-9)


def encode(value: Any) -> Any:
    """A value as Optuna can store it: scalars as they are, anything else as JSON text."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str) and not value.startswith(_JSON_STARTS):
        return value
    return json.dumps(value, sort_keys=True)


def decode(value: Any) -> Any:
    """The value behind `encode`."""
    if isinstance(value, str) and value.startswith(_JSON_STARTS):
        return json.loads(value)
    return value


def identity(point: Mapping[str, Any]) -> str:
    """Equal for equal points, whatever the order of their paths."""
    return json.dumps(point, sort_keys=True)
