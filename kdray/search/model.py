"""What proposes points and hears of everything that is trained: a fitted model of the objectives, or a published
technique's whole search.

An Optuna sampler sees finished trials only. A `Model` also hears of trials that begin, report at a rung or fail,
and is told all of it again from the study when a sweep goes on: it keeps nothing of its own on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kdray.search.space import Point


class Model(Protocol):
    """Proposes points."""

    def begin(self, number: int, point: Point) -> None:
        """A trial begins (or began in an earlier run)."""

    def report(
        self, number: int, step: int, values: Sequence[float], variances: Sequence[float] | None = None
    ) -> None:
        """A trial reports its objectives at a rung, and how much each may be off by luck, where that is known."""

    def end(self, number: int, *, failed: bool) -> None:
        """A trial ended."""

    @property
    def waits(self) -> bool:
        """Whether nothing can be said before trials that run have ended."""

    def ask(self, fits: Callable[[Point], bool]) -> Point | None:
        """A point that `fits`; None where there is none left."""


@dataclass
class Heard:
    """What a model heard of a trial: its number and point, rung -> objectives, rung -> their variances where they
    are known, and whether it ended and how.
    """

    number: int
    point: Point
    reports: dict[int, Sequence[float]] = field(default_factory=dict)
    variances: dict[int, Sequence[float]] = field(default_factory=dict)
    ended: bool = False
    failed: bool = False


class Listener:
    """The part of a `Model` that hears; what is heard is kept in the order in which trials began."""

    def __init__(self) -> None:
        self._heard: dict[int, Heard] = {}

    def begin(self, number: int, point: Point) -> None:
        """See `Model`."""
        self._heard[number] = Heard(number, dict(point))

    def report(
        self, number: int, step: int, values: Sequence[float], variances: Sequence[float] | None = None
    ) -> None:
        """See `Model`."""
        self._heard[number].reports[step] = list(values)
        if variances is not None:
            self._heard[number].variances[step] = list(variances)

    def end(self, number: int, *, failed: bool) -> None:
        """See `Model`."""
        self._heard[number].ended, self._heard[number].failed = True, failed

    @property
    def waits(self) -> bool:
        """See `Model`; here never."""
        return False
