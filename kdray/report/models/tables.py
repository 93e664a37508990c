"""The table's parts, the same in every form: headlines, cells, and tables as title, heads and rows.

Rows are students with the technique that made them, columns the relations on each transformation and attack.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from kdray.metamorphic.compare_models.result import Mimicry, up_to
from kdray.metamorphic.discrepancy import Rate
from kdray.metamorphic.relations import RELATIONS
from kdray.report.describe import NOTHING, title

SHORT = {
    "prediction_agreement": "PA",
    "distribution_similarity": "DS",
    "high_confidence_preservation": "HC",
    "calibration_alignment": "CA",
}
LEGEND = (
    "Shares of inputs that violate a relation: PA prediction agreement, DS distribution similarity,",
    "HC high-confidence preservation, CA calibration alignment, any: at least one. Formulas and thresholds are",
    "kdray's own (kdray/metamorphic/relations.py). An attack's column looks at what it ended with on the student.",
)


def percent(share: float | None, digits: int = 1) -> str:
    """12.5 %, or an en dash for nothing."""
    return NOTHING if share is None or math.isnan(share) else f"{100 * share:.{digits}f} %"


def who(row: Mimicry) -> str:
    """Student and technique, as rows are headed."""
    return f"{row.student} ({row.technique})"


def column_names(rows: Sequence[Mimicry]) -> list[str]:
    """Transformations in their order, then attacks, each once over all rows."""
    return list(
        dict.fromkeys(
            c.name for kind in (False, True) for r in rows for c in r.columns if c.is_attack is kind
        )
    )


def cell(row: Mimicry, name: str, relation: str) -> float | None:
    """A share of a column of a row, None where it has none; the relation `any` is at least one of the four."""
    column = next((column for column in row.columns if column.name == name), None)
    if column is None:
        return None
    return _share(column.violating if relation == "any" else column.rates[relation])


def headlines(rows: Sequence[Mimicry]) -> list[str]:
    """The "up to" figures as sentences."""
    greatest = up_to(rows)
    lines = []
    if most := greatest.get("violating"):
        lines.append(
            f"up to {percent(most['share'])} of inputs violate a relation ({most['student']}, {most['column']})"
        )
    if most := greatest.get("greater_drop"):
        lines.append(
            f"up to {percent(most['share'], 0)} greater performance drop ({most['student']}, {most['column']})"
        )
    return lines


Table = tuple[str, list[str], list[list[str]]]


def tables(rows: Sequence[Mimicry]) -> Iterator[Table]:
    """The summary, a table for each relation, and the attacks."""
    yield summary(rows)
    yield clean(rows)
    names = column_names(rows)
    for relation in (*RELATIONS, "any"):
        heads = ["student (technique)", *map(title, names)]
        body = [[who(row), *(percent(cell(row, name, relation)) for name in names)] for row in rows]
        label = "at least one relation" if relation == "any" else title(relation)
        yield f"Violated: {label}", heads, body
    if any(row.duels for row in rows):
        yield attacks(rows)


def summary(rows: Sequence[Mimicry]) -> Table:
    """Each row over all transformations together."""
    heads = ["student (technique)", "teacher", "task", "cases", "variants", "discrepancy", "95 %"]
    heads += [*SHORT.values(), "any", "calibration gap", "flips: teacher", "student"]
    body = []
    for row in rows:
        low, high = row.interval
        body.append(
            [
                who(row),
                row.teacher,
                row.task,
                f"{row.cases:,}",
                f"{row.variants:,}",
                f"{row.discrepancy:.3f}",
                f"{low:.3f}{NOTHING}{high:.3f}",
                *(percent(_share(row.rates[relation])) for relation in RELATIONS),
                percent(_share(row.violating)),
                f"{row.calibration_gap:.3f}",
                *(percent(_share(row.flips[side])) for side in ("teacher", "student")),
            ]
        )
    return "All transformations together", heads, body


METRICS = ("accuracy", "precision", "recall", "f1", "ece")


def clean(rows: Sequence[Mimicry]) -> Table:
    """Each teacher and student on the clean inputs."""
    heads = ["student (technique)", "model", *METRICS, *SHORT.values()]
    body = []
    for row in rows:
        for side, name in (("teacher", row.teacher), ("student", row.student)):
            rates = [row.clean_rates[relation] for relation in RELATIONS] if side == "student" else []
            body.append(
                [
                    who(row),
                    f"{side}: {name}",
                    *(percent(row.metrics[side].get(metric)) for metric in METRICS),
                    *([percent(_share(rate)) for rate in rates] or [""] * len(RELATIONS)),
                ]
            )
    return "On the clean inputs", heads, body


def _share(rate: Rate) -> float | None:
    return rate.share if rate.total else None


def attacks(rows: Sequence[Mimicry]) -> Table:
    """What each attack did to each teacher and student; no line where nobody was attacked."""
    heads = [
        "student (technique)",
        "attack",
        "model",
        "attacked",
        "ASR",
        "95 %",
        "queries",
        "identifiers changed",
    ]
    heads += ["tokens changed", "clean", "attacked", "drop", "student's drop greater by"]
    body = []
    for row in rows:
        for duel in row.duels:
            for side, damage in (("teacher", duel.teacher), ("student", duel.student)):
                low, high = damage.success_interval if damage.attacked else (math.nan, math.nan)
                body.append(
                    [
                        who(row),
                        title(duel.attack),
                        f"{side}: {row.teacher if side == 'teacher' else row.student}",
                        f"{damage.attacked}",
                        percent(damage.success_rate),
                        f"{percent(low)} {NOTHING} {percent(high)}" if damage.attacked else NOTHING,
                        NOTHING if math.isnan(damage.queries) else f"{damage.queries:.0f}",
                        percent(damage.identifiers_changed),
                        percent(damage.tokens_changed),
                        percent(damage.clean_accuracy),
                        percent(damage.attacked_accuracy),
                        percent(damage.drop),
                        percent(duel.greater, 0) if side == "student" else "",
                    ]
                )
    return "Attacks", heads, body
