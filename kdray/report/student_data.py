"""What the page knows of single students: their losses, their worst cases, which of the same inputs are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kdray.recorded import is_finite
from kdray.results import TrialRecord

POINTS = 50
"""Of a curve, at most."""
MANY = 500
"""Trials; of more, curves of the front alone."""
_OF_A_CASE = ("transform", "relation", "source", "diff", "truth", "teacher")


def loss_curves(records: Sequence[TrialRecord], members: Sequence[TrialRecord]) -> list[list[list[float]]]:
    """Of each trial (step, loss), rising; where no curve was kept, the loss at each rung."""
    drawn = {record.key for record in (records if len(records) <= MANY else members)}
    return [_curve(record) if record.key in drawn else [] for record in records]


def _curve(record: TrialRecord) -> list[list[float]]:
    kept = [point for rung in record.rungs for point in _points(rung.get("loss_curve"))]
    points = kept or [
        [rung["step"], rung["train_loss"]] for rung in record.rungs if is_finite(rung.get("train_loss"))
    ]
    apart = -(-len(points) // POINTS)
    return (
        points[::apart] + points[-1:] if apart > 1 and (len(points) - 1) % apart else points[:: max(1, apart)]
    )


def _points(curve: Any) -> list[list[float]]:
    """Of what was recorded, what is a curve."""
    if not isinstance(curve, list):
        return []
    return [
        point for point in curve if isinstance(point, list) and len(point) == 2 and all(map(is_finite, point))
    ]


def shared_cases(cases: Mapping[int, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Cases, each once, and of each student which ones and what it answered, worst first.

    Args:
        cases: of each trial, by its place.
    """
    known: dict[tuple[Any, ...], int] = {}
    of = {}
    for place, rows in cases.items():
        named = [tuple(row.get(name) for name in _OF_A_CASE) for row in rows]
        of[place] = [
            [known.setdefault(case, len(known)), row.get("student")]
            for case, row in zip(named, rows, strict=True)
        ]
    all_ = [
        {name: part for name, part in zip(_OF_A_CASE, case, strict=True) if part is not None}
        for case in known
    ]
    return {"all": all_, "of": of}


def right_cases(record: TrialRecord) -> dict[str, str] | None:
    """Which clean inputs a student got right, as 0 and 1 in order, and the fingerprint of what they are of."""
    outcomes = record.metrics.get("outcomes")
    if not isinstance(outcomes, Mapping):
        return None
    of, right = outcomes.get("of"), outcomes.get("right")
    if not isinstance(of, str) or not isinstance(right, str) or set(right) - {"0", "1"}:
        return None
    return {"of": of, "right": right}
