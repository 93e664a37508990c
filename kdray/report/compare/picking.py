"""Accuracy against discrepancy: how far apart students of nearly the best accuracy are, and what it costs to
pick by accuracy alone.

The arithmetic and the test are in `near`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdray.errors import ConfigError
from kdray.report import describe
from kdray.report.compare.cost_of_accuracy import Cost, cost_of_accuracy, near_best, several_seeds
from kdray.report.compare.pool import SEED, Pool, check_settings, configuration, groups, labels, titles
from kdray.report.front import value
from kdray.report.text_table import TextTable
from kdray.results import TrialRecord


@dataclass(frozen=True)
class Picking:
    """The students of one group.

    Attributes:
        name: values of the settings that make the group, or `all`.
        students: how many there are.
        best: the best accuracy.
        discrepancies: of those within `near` of it, ascending.
        configurations: how many combinations of settings were trained with several seeds.
        seeds: how many seeds those have together.
        cost: of picking by accuracy alone; None without several seeds.
    """

    name: str
    students: int
    best: float
    discrepancies: list[float]
    configurations: int
    seeds: int
    cost: Cost | None


@dataclass(frozen=True)
class Pickings:
    """A table of groups."""

    accuracy: str
    discrepancy: str
    near: float
    groups: list[Picking]


def pickings(found: Pool, objectives: Mapping[str, str], near: float, by: Sequence[str] = ()) -> Pickings:
    """Each group of students by itself.

    Args:
        found: the students.
        objectives: one to be maximised, taken for the accuracy, and one to be minimised, for the discrepancy.
        near: how far from the best accuracy still counts as near, in its units.
        by: settings whose values make the groups; none for one group.

    Raises:
        ConfigError: other objectives, a negative `near`, or an unknown setting.
    """
    if sorted(objectives.values()) != ["max", "min"]:
        raise ConfigError(
            "--near needs one objective to maximise and one to minimise: --objectives a:max,b:min"
        )
    if not near >= 0:
        raise ConfigError(f"--near {near:g}: a distance from the best accuracy, 0.01 say")
    check_settings(by, found.records)
    accuracy, discrepancy = sorted(objectives, key=lambda name: objectives[name])
    students = [r for r in found.records if np.isfinite([value(r, accuracy), value(r, discrepancy)]).all()]
    if not students:
        raise ConfigError(f"compare: no complete trial recorded {accuracy} and {discrepancy}")
    parts = groups(students, by)
    shown = [labels(column) for column in zip(*parts, strict=True)]
    heads = titles(by)
    made = [
        _picking(
            ", ".join(f"{head} {column[at]}" for head, column in zip(heads, shown, strict=True)) or "all",
            records,
            accuracy,
            discrepancy,
            near,
        )
        for at, records in enumerate(parts.values())
    ]
    return Pickings(accuracy, discrepancy, near, made)


def _picking(
    name: str, records: Sequence[TrialRecord], accuracy: str, discrepancy: str, near: float
) -> Picking:
    accuracy_N, discrepancy_N = (
        np.array([value(record, metric) for record in records]) for metric in (accuracy, discrepancy)
    )
    accuracy_CS, discrepancy_CS = by_configuration(records, (accuracy, discrepancy))
    has_seeds_CS = several_seeds(accuracy_CS)
    return Picking(
        name=name,
        students=len(records),
        best=float(accuracy_N.max()),
        discrepancies=sorted(discrepancy_N[near_best(accuracy_N, near)].tolist()),
        configurations=int(has_seeds_CS.any(axis=1).sum()),
        seeds=int(has_seeds_CS.any(axis=0).sum()),
        cost=cost_of_accuracy(accuracy_CS, discrepancy_CS, near),
    )


def by_configuration(
    records: Sequence[TrialRecord], metrics: Sequence[str]
) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """Each metric as float[C, S]: all settings but the seed, by seed; NaN where it was not trained."""
    seeds = sorted({str(record.setting(SEED)) for record in records})
    rows = {key: at for at, key in enumerate(dict.fromkeys(map(configuration, records)))}
    found = [np.full((len(rows), len(seeds)), np.nan) for _ in metrics]
    for record in records:
        place = rows[configuration(record)], seeds.index(str(record.setting(SEED)))
        for marks_CS, metric in zip(found, metrics, strict=True):
            marks_CS[place] = value(record, metric)
    return found


def pickings_table(found: Pickings) -> TextTable:
    """A row per finding, a column per group."""
    accuracy, discrepancy = describe.title(found.accuracy), describe.title(found.discrepancy)
    each = found.groups

    def quantile(share: float) -> list[str]:
        return [describe.number(float(np.quantile(one.discrepancies, share))) for one in each]

    costs = [one.cost for one in each]
    rows = [
        ["students, so near the best", *(f"{one.students}, {len(one.discrepancies)}" for one in each)],
        [f"best {accuracy}", *(describe.number(one.best) for one in each)],
        [f"their {discrepancy}: least", *quantile(0.0)],
        [f"their {discrepancy}: median", *quantile(0.5)],
        [f"their {discrepancy}: most", *quantile(1.0)],
        ["configurations with several seeds, seeds", *(f"{one.configurations}, {one.seeds}" for one in each)],
        [
            f"picked by accuracy alone: more {discrepancy} on other seeds",
            *(describe.NOTHING if cost is None else _spread(cost.discrepancy_S) for cost in costs),
        ],
        [
            f"picked by accuracy alone: more {accuracy} on other seeds",
            *(describe.NOTHING if cost is None else _spread(cost.accuracy_S) for cost in costs),
        ],
        [
            "p (permutation, one-sided)",
            *(describe.NOTHING if cost is None else describe.number(cost.p_value) for cost in costs),
        ],
    ]
    heads = [f"within {found.near:g} of the best {accuracy}", *(one.name for one in each)]
    return TextTable(heads, rows, "l" + "r" * len(each))


def _spread(each_S: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    return describe.spread(each_S.tolist(), 4)


def pickings_note(found: Pickings) -> str:
    """What a reader of the table has to know, in a line or two."""
    untested = [one.name for one in found.groups if one.cost is None]
    note = (
        "a definition of kdray's own (kdray/report/compare/cost_of_accuracy.py): picks on one seed, looked up "
        "on the others; mean (least\u2013most) over seeds"
    )
    if untested:
        note += f"; no configuration has several seeds, so the cost cannot be tested: {', '.join(untested)}"
    return note


def pickings_dict(found: Pickings) -> dict[str, Any]:
    """JSON-able."""
    return {
        "accuracy": found.accuracy,
        "discrepancy": found.discrepancy,
        "near": found.near,
        "groups": [_picking_dict(one) for one in found.groups],
    }


def _picking_dict(one: Picking) -> dict[str, Any]:
    cost = None
    if one.cost is not None:
        cost = {
            name: {"mean": float(each_S.mean()), "each": each_S.tolist()}
            for name, each_S in (("discrepancy", one.cost.discrepancy_S), ("accuracy", one.cost.accuracy_S))
        } | {"p_value": one.cost.p_value}
    plain = ("name", "students", "best", "discrepancies", "configurations", "seeds")
    return {name: getattr(one, name) for name in plain} | {"cost": cost}
