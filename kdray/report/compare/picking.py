"""Accuracy against discrepancy: how far apart students of nearly the best accuracy are, and what it costs to
pick by accuracy alone.

Not here: the arithmetic and the test (`cost_of_accuracy`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdray.errors import ConfigError
from kdray.report import describe
from kdray.report.compare.cost_of_accuracy import Cost, Floats, cost_of_accuracy, near_best, several_seeds
from kdray.report.compare.seeds import SEED
from kdray.report.compare.students import (
    Students,
    check_settings,
    configuration,
    groups,
    labels,
    titles,
)
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

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        cost = None
        if self.cost is not None:
            cost = {
                name: {"mean": float(each_S.mean()), "each": each_S.tolist()}
                for name, each_S in (
                    ("discrepancy", self.cost.discrepancy_S),
                    ("accuracy", self.cost.accuracy_S),
                )
            } | {"p_value": self.cost.p_value}
        plain = ("name", "students", "best", "discrepancies", "configurations", "seeds")
        return {name: getattr(self, name) for name in plain} | {"cost": cost}


@dataclass(frozen=True)
class Pickings:
    """Groups of students, and what picking costs in each."""

    accuracy: str
    discrepancy: str
    near: float
    groups: list[Picking]

    def table(self) -> TextTable:
        """A row per finding, a column per group."""
        accuracy, discrepancy = describe.title(self.accuracy), describe.title(self.discrepancy)

        def quantile(share: float) -> list[str]:
            return [describe.number(float(np.quantile(group.discrepancies, share))) for group in self.groups]

        def of_cost(shown: Callable[[Cost], str]) -> list[str]:
            costs = [group.cost for group in self.groups]
            return [describe.NOTHING if cost is None else shown(cost) for cost in costs]

        rows = [
            [
                "students, so near the best",
                *(f"{group.students}, {len(group.discrepancies)}" for group in self.groups),
            ],
            [f"best {accuracy}", *(describe.number(group.best) for group in self.groups)],
            [f"their {discrepancy}: least", *quantile(0.0)],
            [f"their {discrepancy}: median", *quantile(0.5)],
            [f"their {discrepancy}: most", *quantile(1.0)],
            [
                "configurations with several seeds, seeds",
                *(f"{group.configurations}, {group.seeds}" for group in self.groups),
            ],
            [
                f"picked by accuracy alone: more {discrepancy} on other seeds",
                *of_cost(lambda cost: _over_seeds(cost.discrepancy_S)),
            ],
            [
                f"picked by accuracy alone: more {accuracy} on other seeds",
                *of_cost(lambda cost: _over_seeds(cost.accuracy_S)),
            ],
            ["p (permutation, one-sided)", *of_cost(lambda cost: describe.number(cost.p_value))],
        ]
        heads = [f"within {self.near:g} of the best {accuracy}", *(group.name for group in self.groups)]
        return TextTable(heads, rows, "l" + "r" * len(self.groups))

    def note(self) -> str:
        """What a reader of the table has to know, in a line or two."""
        untested = [group.name for group in self.groups if group.cost is None]
        note = (
            "a definition of kdray's own (kdray/report/compare/cost_of_accuracy.py): picks on one seed, looked "
            "up on the others; mean (least\u2013most) over seeds"
        )
        if untested:
            note += (
                f"; no configuration has several seeds, so the cost cannot be tested: {', '.join(untested)}"
            )
        return note

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "accuracy": self.accuracy,
            "discrepancy": self.discrepancy,
            "near": self.near,
            "groups": [group.as_dict() for group in self.groups],
        }


def _over_seeds(each_S: Floats) -> str:
    return describe.mean_and_ends(each_S.tolist(), 4)


def pickings(
    students: Students, objectives: Mapping[str, str], near: float, by: Sequence[str] = ()
) -> Pickings:
    """Each group of students by itself.

    Args:
        students: of all sweeps.
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
    check_settings(by, students.records)
    accuracy, discrepancy = sorted(objectives, key=lambda name: objectives[name])
    measured = [
        record
        for record in students.records
        if np.isfinite([value(record, accuracy), value(record, discrepancy)]).all()
    ]
    if not measured:
        raise ConfigError(f"compare: no complete trial recorded {accuracy} and {discrepancy}")
    parts = groups(measured, by)
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


def by_configuration(records: Sequence[TrialRecord], metrics: Sequence[str]) -> list[Floats]:
    """Each metric as float[C, S]: all settings but the seed, by seed; NaN where it was not trained."""
    seeds = sorted({str(record.setting(SEED)) for record in records})
    rows = {key: at for at, key in enumerate(dict.fromkeys(map(configuration, records)))}
    columns = [np.full((len(rows), len(seeds)), np.nan) for _ in metrics]
    for record in records:
        place = rows[configuration(record)], seeds.index(str(record.setting(SEED)))
        for metric_CS, metric in zip(columns, metrics, strict=True):
            metric_CS[place] = value(record, metric)
    return columns
