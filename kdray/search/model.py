"""What proposes points and hears of everything that is trained: a fitted model of the objectives, or a published
technique's whole search.

An Optuna sampler sees finished trials only. A `Model` also hears of trials that begin, report at a rung or fail,
and is told all of it again from the study when a sweep goes on: it keeps nothing of its own on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from kdray.search.space import Point


class Model(Protocol):
    """Proposes points."""

    def begin(self, number: int, point: Point) -> None:
        """A trial begins (or began in an earlier run)."""

    def report(self, number: int, step: int, values: Sequence[float]) -> None:
        """A trial reports its objectives at a rung."""

    def end(self, number: int, *, failed: bool) -> None:
        """A trial ended."""

    @property
    def waits(self) -> bool:
        """Whether nothing can be said before trials that run have ended."""

    def ask(self, fits: Callable[[Point], bool]) -> Point | None:
        """A point that `fits`; None where there is none left."""
