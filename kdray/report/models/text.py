"""The table as text.

In Markdown each relation has a table of its own; a terminal gets rows and columns exchanged, which fits it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kdray.metamorphic.compare_models.result import Mimicry
from kdray.metamorphic.relations import RELATIONS
from kdray.report.describe import NOTHING, title
from kdray.report.models.tables import (
    LEGEND,
    SHORT,
    cell,
    column_names,
    headlines,
    percent,
    tables,
    who,
)
from kdray.report.text_table import escape, pipe_table


def to_markdown(rows: Sequence[Mimicry]) -> str:
    """Headlines, every table as a pipe table, and the worst cases as fenced diffs."""
    parts = [
        "# Does the student mimic the teacher?",
        "",
        *(f"- {escape(line)}" for line in headlines(rows)),
        "",
        *LEGEND,
    ]
    for name, heads, body in tables(rows):
        table = pipe_table(heads, body, "l" + "r" * (len(heads) - 1))
        parts += ["", f"## {name}", "", table.rstrip("\n")]
    for row in rows:
        if row.worst:
            parts += ["", "## " + escape(f"Worst cases: {who(row)}, teacher {row.teacher}")]
        for case in row.worst:
            fence = _fence(case.diff)
            answers = f"truth: {case.truth}; teacher: {case.teacher}; student: {case.student}"
            violated = ", ".join(map(title, case.relations))
            parts += ["", f"**{title(case.transform)}**: {violated}. {escape(answers)}", "", f"{fence}diff"]
            parts += [case.diff, fence]
    return "\n".join(parts) + "\n"


def _fence(text: str) -> str:
    """A fence that nothing in the text can end."""
    return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))


def to_text(rows: Sequence[Mimicry]) -> str:
    """For a terminal: transformations and attacks down, students and relations across."""
    lines = [*headlines(rows), ""]
    names = column_names(rows)
    wide = max(map(len, [*names, "share of inputs that violate"]))
    for at, row in enumerate(rows, 1):
        accuracies = " ".join(
            f"{side} {percent(row.metrics[side].get('accuracy'))}" for side in ("teacher", "student")
        )
        lines.append(f"[{at}] {row.task}: student {who(row)}, teacher {row.teacher}")
        over = f"discrepancy {row.discrepancy:.3f} over {row.variants:,} variants"
        lines.append(f"    clean {row.cases:,}: {accuracies}; {over}")
    keys = [*SHORT.values(), "any"]
    lines += ["", " " * wide + "".join(f"  {f'[{at}]':<25}" for at in range(1, len(rows) + 1))]
    lines.append(
        "share of inputs that violate".ljust(wide) + ("  " + "".join(f"{key:>5}" for key in keys)) * len(rows)
    )
    for name in names:
        line = name.ljust(wide)
        for row in rows:
            shares = [cell(row, name, relation) for relation in (*RELATIONS, "any")]
            line += "  " + "".join(
                f"{NOTHING if share is None else f'{100 * share:.0f}%':>5}" for share in shares
            )
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
