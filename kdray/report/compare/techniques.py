"""Techniques side by side at equal budget, each one sweep or the same sweep with several seeds.

Every sweep is measured as in `sweeps`: cut to what the smallest spent, one reference point for all. A technique
of several seeds is summed up by mean, least and most, and over two objectives by the surface that half of its
seeds attained (`pareto.attainment`). How often a seed of one technique is above a seed of the first is counted
over all pairs (Vargha & Delaney 2000, doi:10.3102/10769986025002101); with one seed a side whether a difference
is luck cannot be known, and the note says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdray import pareto
from kdray.report import describe
from kdray.report.compare.sweeps import PARTS, Comparison, Side, volume_head
from kdray.report.text_table import TextTable

SHARES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Technique:
    """What the seeds of one technique reached.

    Attributes:
        name: as given.
        sides: one per seed, within the common budget.
        surfaces: share of the seeds -> corners of what so many attained; empty for other than two objectives.
        median_hypervolume: of what half of the seeds attained; None for other than two objectives.
        above_first: share of the pairs of seeds in which its hypervolume is above the first technique's, ties
            half; None for the first.
    """

    name: str
    sides: list[Side]
    surfaces: dict[float, list[list[float]]]
    median_hypervolume: float | None
    above_first: float | None

    @property
    def hypervolumes(self) -> list[float]:
        """Of each seed, up to the common reference point."""
        return [side.front.hypervolume for side in self.sides]

    def volumes_after(self, part: float) -> list[float]:
        """The same after a part of the common budget."""
        return [side.volume_after(part) for side in self.sides]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "name": self.name,
            "sweeps": [side.name for side in self.sides],
            "hypervolume": _over_seeds(self.hypervolumes),
            "hypervolume_after": {str(part): _over_seeds(self.volumes_after(part)) for part in PARTS},
            "median_hypervolume": self.median_hypervolume,
            "above_first": self.above_first,
            "attainment": {str(share): corners for share, corners in self.surfaces.items()},
        }


def _over_seeds(each: Sequence[float]) -> dict[str, Any]:
    return {"mean": float(np.mean(each)), "each": list(each)}


@dataclass(frozen=True)
class Techniques:
    """All techniques of a comparison, in the order given."""

    sweeps: Comparison
    techniques: list[Technique]

    @property
    def is_single(self) -> bool:
        """Whether each technique is one sweep."""
        return all(len(technique.sides) == 1 for technique in self.techniques)

    def table(self) -> TextTable:
        """A row per indicator; a column per sweep, or per technique with its mean (least - most) over seeds."""
        return self.sweeps.table() if self.is_single else self._over_seeds_table()

    def _over_seeds_table(self) -> TextTable:
        rows: list[list[str]] = []

        def add(name: str, cell: Callable[[Technique], str]) -> None:
            rows.append([name, *map(cell, self.techniques)])

        def add_range(name: str, measure: Callable[[Technique], Sequence[float]], digits: int = 3) -> None:
            add(name, lambda technique: describe.mean_and_ends(measure(technique), digits))

        first = self.techniques[0]
        add("seeds", lambda technique: str(len(technique.sides)))
        add_range("hypervolume ↑", lambda technique: technique.hypervolumes, 4)
        for part, word in PARTS.items():
            add_range(volume_head(word), lambda technique, part=part: technique.volumes_after(part), 4)  # type: ignore[misc]
        if first.median_hypervolume is not None:
            add(
                "hypervolume that half of the seeds attained ↑",
                lambda technique: describe.number(technique.median_hypervolume, 4),
            )
        add(f"pairs of seeds with more of it than {first.name} ↑", lambda t: _percent(t.above_first))
        add_range("epsilon to the joint front ↓", lambda t: [side.epsilon for side in t.sides])
        add_range("IGD+ to the joint front ↓", lambda t: [side.igd_plus for side in t.sides])
        add_range("on the joint front ↑", lambda t: [float(side.on_joint) for side in t.sides])
        heads = [self.sweeps.heading, *(technique.name for technique in self.techniques)]
        return TextTable(heads, rows, "l" + "r" * len(self.techniques))

    def note(self) -> str:
        """What a reader of the table has to know, in a line."""
        reference = self.sweeps.reference
        point = ", ".join(f"{describe.title(name)} {describe.number(at)}" for name, at in reference.items())
        luck = "; one sweep a side cannot tell a difference from luck" if self.is_single else ""
        return f"hypervolume up to {point}{luck}"

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        each = [technique.as_dict() for technique in self.techniques]
        return {**self.sweeps.as_dict(), "techniques": each}


def techniques(sweeps: Comparison, groups: Mapping[str, Sequence[str]]) -> Techniques:
    """The sides of a comparison by technique; `groups` names the sweeps of each."""
    by_name = {side.name: side for side in sweeps.sides}
    made: list[Technique] = []
    for name, members in groups.items():
        sides = [by_name[member] for member in members]
        surfaces = _surfaces(sides, sweeps)
        median = None
        if surfaces:
            reference, directions = list(sweeps.reference.values()), list(sweeps.objectives.values())
            median = pareto.hypervolume(surfaces[0.5], directions, reference)
        above = _above(sides, made[0].sides) if made else None
        made.append(Technique(name, sides, surfaces, median, above))
    return Techniques(sweeps, made)


def _surfaces(sides: Sequence[Side], sweeps: Comparison) -> dict[float, list[list[float]]]:
    if len(sweeps.objectives) != 2:
        return {}
    runs, directions = [side.front.values_PM for side in sides], list(sweeps.objectives.values())
    return {share: pareto.attainment(runs, directions, share).tolist() for share in SHARES}


def _above(sides: Sequence[Side], first: Sequence[Side]) -> float:
    pairs = [(a.front.hypervolume, b.front.hypervolume) for a in sides for b in first]
    return float(np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs]))


def _percent(share: float | None) -> str:
    return describe.NOTHING if share is None else f"{100 * share:.0f} %"
