"""How deeply a student mimics its teacher, as data.

A `Mimicry` is one row of MetaCompress's table: a student, its teacher, and a column for each transformation and
each attack, every column with the four relations' rates.

Not covered: how it is found out (see `classifiers`, `generators`), how it is shown (see `kdray.report.models`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdray.metamorphic.attacks.measure import Damage, greater_drop
from kdray.metamorphic.discrepancy import Rate, curve, rates, violating_share
from kdray.metamorphic.relations import Answers, Thresholds, violations
from kdray.metamorphic.worst import WorstCase


@dataclass(frozen=True)
class Column:
    """The relations on the variants of one transformation, or on what one attack made.

    Attributes:
        name: of the transformation or attack.
        is_attack: which of the two.
        variants: inputs.
        rates: relation -> violated / counted.
        violating: the inputs that violate at least one relation.
    """

    name: str
    is_attack: bool
    variants: int
    rates: Mapping[str, Rate]
    violating: Rate


@dataclass(frozen=True)
class Duel:
    """One attack on teacher and student, each attacked for itself on the same items."""

    attack: str
    teacher: Damage
    student: Damage

    @property
    def greater(self) -> float:
        """By how much the student's drop is greater, as a share of the teacher's; nan where that one stands."""
        return greater_drop(self.student, self.teacher)


@dataclass(frozen=True)
class Mimicry:
    """One student beside its teacher.

    Attributes:
        teacher: name.
        student: name.
        technique: how the student was made, as far as its folder or file tells.
        task: `assertion`, `clone` or `vulnerability`.
        cases: clean inputs.
        variants: of all transformations.
        metrics: `teacher` and `student` -> metric -> value, on the clean inputs.
        discrepancy: `metamorphic_discrepancy` over all variants.
        interval: of it, 95 %, drawing cases.
        rates: relation -> rate over all variants.
        clean_rates: relation -> rate on the clean inputs.
        violating: the variants that violate at least one relation.
        calibration_gap: abs(ECE of the teacher - ECE of the student) over all variants.
        flips: `teacher` and `student` -> how often a variant changed its prediction.
        columns: one a transformation, then one an attack.
        curves: relation -> [(threshold, rate), ...].
        duels: one an attack.
        worst: worst cases, worst first.
    """

    teacher: str
    student: str
    technique: str
    task: str
    cases: int
    variants: int
    metrics: Mapping[str, Mapping[str, float]]
    discrepancy: float
    interval: tuple[float, float]
    rates: Mapping[str, Rate]
    clean_rates: Mapping[str, Rate]
    violating: Rate
    calibration_gap: float
    flips: Mapping[str, Rate]
    columns: tuple[Column, ...]
    curves: Mapping[str, tuple[tuple[float, Rate], ...]]
    duels: tuple[Duel, ...] = ()
    worst: tuple[WorstCase, ...] = ()


CURVE = {
    "distribution_similarity": (0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    "high_confidence_preservation": (0.6, 0.7, 0.8, 0.9, 0.95, 0.99),
    "calibration_alignment": (0.01, 0.02, 0.05, 0.1, 0.2, 0.3),
}


def column(name: str, is_attack: bool, answers: Answers, thresholds: Thresholds) -> Column:
    """What the relations say of a column's inputs."""
    by_relation = violations(answers, thresholds)
    return Column(name, is_attack, len(answers), rates(by_relation), violating_share(by_relation))


def curves(answers: Answers, thresholds: Thresholds) -> dict[str, tuple[tuple[float, Rate], ...]]:
    """Each relation's rate at the thresholds of `CURVE`."""
    return {
        relation: tuple(zip(values, curve(answers, relation, values, thresholds), strict=True))
        for relation, values in CURVE.items()
    }


LEAST_VARIANTS = 20
"""A column with fewer inputs gives no "up to" figure: 1 of 1 is no 100 % (ours)."""


def up_to(rows: Sequence[Mimicry]) -> dict[str, Any]:
    """The headline figures: the greatest rates of all rows and columns, and the greatest drop above a teacher's.

    Returns:
        `violating` (at least one relation) and each relation: {`share`, `student`, `column`}; `greater_drop`:
        {`share`, `student`, `column`}. What nothing was counted for is left out.
    """
    greatest: dict[str, Any] = {}

    def offer(key: str, share: float, student: str, column: str) -> None:
        if share == share and (key not in greatest or share > greatest[key]["share"]):
            greatest[key] = {"share": share, "student": student, "column": column}

    for row in rows:
        for column in row.columns:
            if column.variants >= LEAST_VARIANTS:
                offer("violating", column.violating.share, row.student, column.name)
                for relation, rate in column.rates.items():
                    if rate.total >= LEAST_VARIANTS:
                        offer(relation, rate.share, row.student, column.name)
        for duel in row.duels:
            attacked = min(duel.teacher.attacked, duel.student.attacked)
            if duel.greater > 0 and attacked >= LEAST_VARIANTS:
                offer("greater_drop", duel.greater, row.student, duel.attack)
    return greatest
