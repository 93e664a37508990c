"""The loss of a training, a point every so many steps: what a curve needs, and no more than a report can carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

POINTS = 100
"""Of a whole training, at most."""


class LossCurve:
    """Means over `every` steps each, a hundredth of the training.

    Args:
        steps: of the whole training.
    """

    def __init__(self, steps: int) -> None:
        self.every = -(-steps // POINTS)
        self._steps = steps
        self._window: list[float] = []
        self._points: list[list[float]] = []

    def add(self, step: int, loss: float) -> None:
        """The loss of a step; the first is 1."""
        self._window.append(loss)
        if step % self.every == 0 or step == self._steps:
            self._points.append([step, sum(self._window) / len(self._window)])
            self._window = []

    def taken(self) -> list[list[float]]:
        """The points since the last call, as (step, loss)."""
        points, self._points = self._points, []
        return points

    def state(self) -> dict[str, Any]:
        """What `restore` takes, as plain data."""
        return {"window": list(self._window), "points": list(self._points)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from there; an empty state is a checkpoint of a time that kept no curve."""
        self._window = list(state.get("window", ()))
        self._points = list(state.get("points", ()))
