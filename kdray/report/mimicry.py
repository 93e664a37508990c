"""MetaCompress's table for any pair of models: JSON, Markdown, text for a terminal.

Rows are students with the technique that made them, columns the relations on each transformation and attack. In
Markdown each relation has a table of its own; a terminal gets rows and columns exchanged, which fits it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from kdray import storage
from kdray.metamorphic.discrepancy import Rate
from kdray.metamorphic.mimicry import Comparison, Duel, up_to
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
Comparisons = Sequence[Comparison]


def percent(share: float | None, digits: int = 1) -> str:
    """12.5 %, or an en dash for nothing."""
    return NOTHING if share is None or math.isnan(share) else f"{100 * share:.{digits}f} %"


def who(row: Comparison) -> str:
    """Student and technique, as rows are headed."""
    return f"{row.student} ({row.technique})"


def column_names(rows: Comparisons) -> list[str]:
    """Transformations in their order, then attacks, each once over all rows."""
    return list(
        dict.fromkeys(
            c.name for kind in (False, True) for r in rows for c in r.columns if c.is_attack is kind
        )
    )


def cell(row: Comparison, name: str, relation: str) -> float | None:
    """A share of a column of a row, None where it has none; the relation `any` is at least one of the four."""
    column = next((column for column in row.columns if column.name == name), None)
    if column is None:
        return None
    return _share(column.violating if relation == "any" else column.rates[relation])


def headlines(rows: Comparisons) -> list[str]:
    """The "up to" figures as sentences."""
    found = up_to(tuple(rows))
    lines = []
    if "violating" in found:
        one = found["violating"]
        lines.append(
            f"up to {percent(one['share'])} of inputs violate a relation ({one['student']}, {one['column']})"
        )
    if "greater_drop" in found:
        one = found["greater_drop"]
        lines.append(
            f"up to {percent(one['share'], 0)} greater performance drop ({one['student']}, {one['column']})"
        )
    return lines


# --- JSON


def as_data(rows: Comparisons) -> dict[str, Any]:
    """Everything, as JSON-able data; what is not a number is null."""
    found: dict[str, Any] = _plain({"up_to": up_to(tuple(rows)), "comparisons": [_row(row) for row in rows]})
    return found


def _row(row: Comparison) -> dict[str, Any]:
    data = asdict(row)
    data |= {
        "metamorphic_discrepancy": data.pop("discrepancy"),
        "rates": _rates(row.rates),
        "clean_rates": _rates(row.clean_rates),
        "flips": _rates(row.flips),
        "violating": _rate(row.violating),
        "columns": [
            {**asdict(c), "rates": _rates(c.rates), "violating": _rate(c.violating)} for c in row.columns
        ],
        "curves": {name: [[at, _rate(rate)] for at, rate in points] for name, points in row.curves.items()},
        "duels": [_duel(duel) for duel in row.duels],
    }
    return data


def _rate(rate: Rate) -> dict[str, Any]:
    return {"hits": rate.hits, "total": rate.total, "share": rate.share, "interval": list(rate.interval)}


def _rates(rates: Any) -> dict[str, Any]:
    return {name: _rate(rate) for name, rate in rates.items()}


def _duel(duel: Duel) -> dict[str, Any]:
    sides = {"teacher": duel.teacher, "student": duel.student}
    return {
        "attack": duel.attack,
        **{
            side: {**asdict(found), "success_rate": found.success_rate, "drop": found.drop}
            for side, found in sides.items()
        },
        "greater_drop": duel.greater,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- tables, as (title, heads, rows)

Table = tuple[str, list[str], list[list[str]]]


def tables(rows: Comparisons) -> Iterator[Table]:
    """The summary, a table for each relation, and the attacks."""
    yield _summary(rows)
    yield _clean(rows)
    names = column_names(rows)
    for relation in (*RELATIONS, "any"):
        heads = ["student (technique)", *map(title, names)]
        body = [[who(row), *(percent(cell(row, name, relation)) for name in names)] for row in rows]
        label = "at least one relation" if relation == "any" else title(relation)
        yield f"Violated: {label}", heads, body
    if any(row.duels for row in rows):
        yield _attacks(rows)


def _summary(rows: Comparisons) -> Table:
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


MARKS = ("accuracy", "precision", "recall", "f1", "ece")


def _clean(rows: Comparisons) -> Table:
    heads = ["student (technique)", "model", *MARKS, *SHORT.values()]
    body = []
    for row in rows:
        for side, name in (("teacher", row.teacher), ("student", row.student)):
            found = [row.clean_rates[relation] for relation in RELATIONS] if side == "student" else []
            body.append(
                [
                    who(row),
                    f"{side}: {name}",
                    *(percent(row.marks[side].get(mark)) for mark in MARKS),
                    *([percent(_share(rate)) for rate in found] or [""] * len(RELATIONS)),
                ]
            )
    return "On the clean inputs", heads, body


def _share(rate: Rate) -> float | None:
    return rate.share if rate.total else None


def _attacks(rows: Comparisons) -> Table:
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
            for side, found in (("teacher", duel.teacher), ("student", duel.student)):
                low, high = found.success_interval if found.attacked else (math.nan, math.nan)
                body.append(
                    [
                        who(row),
                        title(duel.attack),
                        f"{side}: {row.teacher if side == 'teacher' else row.student}",
                        f"{found.attacked}",
                        percent(found.success_rate),
                        f"{percent(low)} {NOTHING} {percent(high)}" if found.attacked else NOTHING,
                        NOTHING if math.isnan(found.queries) else f"{found.queries:.0f}",
                        percent(found.identifiers_changed),
                        percent(found.tokens_changed),
                        percent(found.clean_accuracy),
                        percent(found.attacked_accuracy),
                        percent(found.drop),
                        percent(duel.greater, 0) if side == "student" else "",
                    ]
                )
    return "Attacks", heads, body


# --- Markdown and terminal


def to_markdown(rows: Comparisons) -> str:
    """Headlines, every table as a pipe table, and the worst cases as fenced diffs."""
    parts = [
        "# Does the student mimic the teacher?",
        "",
        *(f"- {_escape(line)}" for line in headlines(rows)),
        "",
        *LEGEND,
    ]
    for name, heads, body in tables(rows):
        rule = "|" + " --- |" + " ---: |" * (len(heads) - 1)
        parts += ["", f"## {name}", "", _pipes(heads), rule, *map(_pipes, body)]
    for row in rows:
        if row.worst:
            parts += ["", "## " + _escape(f"Worst cases: {who(row)}, teacher {row.teacher}")]
        for case in row.worst:
            fence = _fence(case.diff)
            said = f"truth: {case.truth}; teacher: {case.teacher}; student: {case.student}"
            violated = ", ".join(map(title, case.relations))
            parts += ["", f"**{title(case.transform)}**: {violated}. {_escape(said)}", "", f"{fence}diff"]
            parts += [case.diff, fence]
    return "\n".join(parts) + "\n"


def _fence(text: str) -> str:
    """A fence that nothing in the text can end."""
    return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))


def _escape(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\|`*_<>[]" else sign for sign in text.replace("\n", " "))


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_escape(one) for one in cells) + " |"


def to_text(rows: Comparisons) -> str:
    """For a terminal: transformations and attacks down, students and relations across."""
    lines = [*headlines(rows), ""]
    names = column_names(rows)
    wide = max(map(len, [*names, "share of inputs that violate"]))
    for at, row in enumerate(rows, 1):
        marks = " ".join(
            f"{side} {percent(row.marks[side].get('accuracy'))}" for side in ("teacher", "student")
        )
        lines.append(f"[{at}] {row.task}: student {who(row)}, teacher {row.teacher}")
        lines.append(
            f"    clean {row.cases:,}: {marks}; discrepancy {row.discrepancy:.3f} over {row.variants:,} variants"
        )
    keys = [*SHORT.values(), "any"]
    lines += ["", " " * wide + "".join(f"  {f'[{at}]':<25}" for at in range(1, len(rows) + 1))]
    lines.append(
        "share of inputs that violate".ljust(wide) + ("  " + "".join(f"{key:>5}" for key in keys)) * len(rows)
    )
    for name in names:
        line = name.ljust(wide)
        for row in rows:
            shares = [cell(row, name, relation) for relation in (*RELATIONS, "any")]
            line += "  " + "".join(f"{NOTHING if s is None else f'{100 * s:.0f}%':>5}" for s in shares)
        lines.append(line.rstrip())
    for at, row in enumerate(rows, 1):
        lines += [""] if row.duels and at == 1 else []
        for duel in row.duels:
            lines.append(
                f"[{at}] {duel.attack:<12} ASR {percent(duel.teacher.success_rate)} of the teacher,"
                f" {percent(duel.student.success_rate)} of the student; drop {percent(duel.teacher.drop)} and"
                f" {percent(duel.student.drop)}: the student's is greater by {percent(duel.greater, 0)}"
            )
    return "\n".join([*lines, "", *LEGEND]) + "\n"


# --- files


def write(folder: str, rows: Comparisons) -> list[str]:
    """`mimicry.html`, `mimicry.md` and `mimicry.json` in a folder; their paths."""
    from kdray.report.mimicry_page import to_html

    made = {
        "mimicry.html": to_html(rows),
        "mimicry.md": to_markdown(rows),
        "mimicry.json": json.dumps(as_data(rows), indent=1, allow_nan=False) + "\n",
    }
    for name, text in made.items():
        storage.write_atomic(storage.join(folder, name), text)
    return [storage.join(folder, name) for name in made]
