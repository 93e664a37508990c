"""Techniques side by side at equal budget, each one sweep or the same sweep with several seeds.

Every sweep is measured as in `comparison`: cut to what the smallest spent, one reference point for all. A
technique of several seeds is summed up by mean, least and most, and over two objectives by the surface that
half of its seeds attained (`pareto.attainment`). How often a seed of one technique is above a seed of the
first is counted over all pairs (Vargha & Delaney 2000, doi:10.3102/10769986025002101); with one seed a side
whether a difference is luck cannot be known, and the table says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

import numpy as np

from kdray import pareto, storage
from kdray.errors import ConfigError, nearest
from kdray.report import describe
from kdray.report.compare.sweeps import (
    PARTS,
    Budget,
    Comparison,
    Side,
    compare,
    comparison_table,
    equal,
    volume_head,
)
from kdray.report.figure import surfaces_svg
from kdray.report.show import Form, wanted, written
from kdray.report.sources import bare, source
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


def techniques(comparison: Comparison, groups: Mapping[str, Sequence[str]]) -> list[Technique]:
    """The sides of a comparison by technique; `groups` names the sweeps of each."""
    by_name = {side.name: side for side in comparison.sides}
    found: list[Technique] = []
    for name, members in groups.items():
        sides = [by_name[member] for member in members]
        surfaces = _surfaces(sides, comparison)
        median = None
        if surfaces:
            reference, directions = list(comparison.reference.values()), list(comparison.objectives.values())
            median = pareto.hypervolume(surfaces[0.5], directions, reference)
        above = _above(sides, found[0].sides) if found else None
        found.append(Technique(name, sides, surfaces, median, above))
    return found


def _surfaces(sides: Sequence[Side], comparison: Comparison) -> dict[float, list[list[float]]]:
    if len(comparison.objectives) != 2:
        return {}
    runs, directions = [side.front.values_PM for side in sides], list(comparison.objectives.values())
    return {share: pareto.attainment(runs, directions, share).tolist() for share in SHARES}


def _above(sides: Sequence[Side], first: Sequence[Side]) -> float:
    pairs = [(a.front.hypervolume, b.front.hypervolume) for a in sides for b in first]
    return float(np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs]))


def techniques_table(comparison: Comparison, found: Sequence[Technique]) -> TextTable:
    """A row per indicator, a column per technique: mean (least - most) over its seeds."""
    rows: list[list[str]] = []

    def add(name: str, cell: Callable[[Technique], str]) -> None:
        rows.append([name, *map(cell, found)])

    add("seeds", lambda one: str(len(one.sides)))
    add("hypervolume ↑", lambda one: describe.spread(one.hypervolumes, 4))
    for part, word in PARTS.items():
        add(volume_head(word), lambda one, part=part: describe.spread(one.volumes_after(part), 4))  # type: ignore[misc]
    if found[0].median_hypervolume is not None:
        add(
            "hypervolume that half of the seeds attained ↑",
            lambda one: describe.number(one.median_hypervolume, 4),
        )
    add(f"pairs of seeds with more of it than {found[0].name} ↑", lambda one: _percent(one.above_first))
    add("epsilon to the joint front ↓", lambda one: describe.spread([side.epsilon for side in one.sides]))
    add("IGD+ to the joint front ↓", lambda one: describe.spread([side.igd_plus for side in one.sides]))
    add("on the joint front ↑", lambda one: describe.spread([float(side.on_joint) for side in one.sides]))
    return TextTable([equal(comparison), *(one.name for one in found)], rows, "l" + "r" * len(found))


def _percent(share: float | None) -> str:
    return describe.NOTHING if share is None else f"{100 * share:.0f} %"


def as_dict(found: Sequence[Technique]) -> list[dict[str, Any]]:
    """JSON-able."""
    return [
        {
            "name": one.name,
            "sweeps": [side.name for side in one.sides],
            "hypervolume": _over_seeds(one.hypervolumes),
            "hypervolume_after": {str(part): _over_seeds(one.volumes_after(part)) for part in PARTS},
            "median_hypervolume": one.median_hypervolume,
            "above_first": one.above_first,
            "attainment": {str(share): corners for share, corners in one.surfaces.items()},
        }
        for one in found
    ]


def _over_seeds(each: Sequence[float]) -> dict[str, Any]:
    return {"mean": float(np.mean(each)), "each": list(each)}


def report(
    folders: Mapping[str, Sequence[str]],
    *,
    budget: str,
    objectives: str | None,
    where: Sequence[str],
    svg: str | None,
    form: Form,
) -> str:
    """The comparison of experiment folders or tables as text; draws what each attained where a path is given.

    Args:
        folders: technique -> experiment folders, or tables of theirs (`csv_table`), of its seeds.
        budget: `trials` or `seconds`.
        objectives: `metric:max,metric:min`, or None for those of the first sweep.
        where: filters.
        svg: path of the picture (two objectives).
        form: what the text is.

    Raises:
        ConfigError: fewer than two sweeps, one given twice, or one with nothing to compare within the budget.
        DataError: a folder that is no experiment, or a damaged table.
    """
    if budget not in get_args(Budget):
        raise ConfigError(f"--budget '{budget}'{nearest(budget, get_args(Budget))}")
    every = [folder for members in folders.values() for folder in members]
    if twice := [folder for folder in every if every.count(folder) > 1]:
        raise ConfigError(f"compare: {twice[0]} is named twice")
    sources = {folder: source(folder) for folder in every}
    names = {folder: _name(folder, every) for folder in every} | _labels(folders)
    ways = wanted(objectives, sources[every[0]])
    comparison = compare(
        {names[folder]: one.records for folder, one in sources.items()},
        ways,
        budget=cast(Budget, budget),
        where=where,
    )
    groups = {name: [names[folder] for folder in members] for name, members in folders.items()}
    found = techniques(comparison, groups)
    if svg:
        storage.write_atomic(svg, surfaces_svg({one.name: one.surfaces.get(0.5, []) for one in found}, ways))
    single = all(len(one.sides) == 1 for one in found)
    table = comparison_table(comparison) if single else techniques_table(comparison, found)
    data = {**comparison.as_dict(), "techniques": as_dict(found)}
    return written(table, _note(comparison, single), data, form)


def _note(comparison: Comparison, single: bool) -> str:
    point = ", ".join(f"{describe.title(n)} {describe.number(at)}" for n, at in comparison.reference.items())
    luck = "; one sweep a side cannot tell a difference from luck" if single else ""
    return f"hypervolume up to {point}{luck}"


def grouped(names: Sequence[str]) -> dict[str, list[str]]:
    """`a-0,a-1` as technique `a` with its sweeps; `label=x,y` says another name.

    Raises:
        ConfigError: two techniques of one name.
    """
    found: dict[str, list[str]] = {}
    for text in names:
        label, _, listed = text.rpartition("=")
        members = [one for one in listed.split(",") if one]
        own = [_own_label(one) for one in members]
        common = os.path.commonprefix(own) if len(own) > 1 else ""  # noqa: RUF071 - names, not paths
        label = label or common.rstrip("-_./") or ",".join(own)
        if label in found:
            raise ConfigError(f"compare: two techniques are called '{label}': say LABEL={listed}")
        found[label] = members
    return found


def _own_label(name: str) -> str:
    """What a sweep is called when nothing is said: a table without its folder and ending, any other as it is."""
    return bare(name) if name.endswith(".csv") else name


def _name(folder: str, every: Sequence[str]) -> str:
    """The last part of the path where that tells it from the others."""
    last = [bare(path) for path in every]
    own = bare(folder)
    return own if last.count(own) == 1 else folder


def _labels(folders: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The single sweeps that were given a label of their own -> the label."""
    singles = {members[0]: label for label, members in folders.items() if len(members) == 1}
    taken = [bare(folder) for members in folders.values() for folder in members]
    return {one: label for one, label in singles.items() if label != _own_label(one) and label not in taken}
