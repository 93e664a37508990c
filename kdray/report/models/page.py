"""The table as one HTML file: opens offline, has no script, and asks for nothing.

Whatever comes from data goes through `html.escape`, and the Content-Security-Policy allows no script at all and
only this page's own style, by its hash: a hostile snippet can neither end its element nor run.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from kdray.metamorphic.compare_models.result import Mimicry
from kdray.metamorphic.relations import RELATIONS
from kdray.metamorphic.worst import WorstCase
from kdray.report.describe import title
from kdray.report.html import page_file, source_hash
from kdray.report.models.tables import (
    LEGEND,
    SHORT,
    Table,
    attacks,
    cell,
    clean,
    column_names,
    headlines,
    percent,
    summary,
    who,
)

KIND = {"+": "added", "-": "removed", "@": "place"}


def to_html(rows: Sequence[Mimicry]) -> str:
    """The page as text."""
    style = page_file("style.css") + page_file("models.css")
    duels = [attacks(rows)] if any(row.duels for row in rows) else []
    policy = f"default-src 'none'; style-src '{source_hash(style)}'; base-uri 'none'; form-action 'none'"
    body = [
        "<header><span class=brand>kdray</span><h1>Does the student mimic the teacher?</h1>",
        *(f"<p class=headline>{escape(line)}</p>" for line in headlines(rows)),
        "</header><main>",
        _table(summary(rows)),
        _table(clean(rows)),
        "<h2>Each transformation and attack</h2>",
        f"<p class=lead>{escape(' '.join(LEGEND))}</p>",
        _grid(rows),
        *map(_table, duels),
        *(_worst(row) for row in rows if row.worst),
        "</main>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>kdray: mimicry</title>\n<style>{style}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _table(table: Table) -> str:
    name, heads, body = table
    top = "".join(f"<th scope=col>{escape(head)}</th>" for head in heads)
    lines = [
        f"<tr><th scope=row>{escape(line[0])}</th>"
        + "".join(f"<td>{escape(text)}</td>" for text in line[1:])
        + "</tr>"
        for line in body
    ]
    return (
        f"<h2>{escape(name)}</h2><div class='panel scroll'><table><thead><tr>{top}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _grid(rows: Sequence[Mimicry]) -> str:
    """Rows student x technique, columns relation x transformation or attack; a darker cell violates more."""
    names = column_names(rows)
    first = "".join(
        f"<th scope=colgroup colspan={len(RELATIONS)}>{escape(title(name))}</th>" for name in names
    )
    second = "".join(f"<th scope=col>{short}</th>" for _ in names for short in SHORT.values())
    lines = []
    for row in rows:
        cells = [cell(row, name, relation) for name in names for relation in RELATIONS]
        shown = "".join(f"<td class={_shade(share)}>{escape(percent(share, 0))}</td>" for share in cells)
        lines.append(
            f"<tr><th scope=row>{escape(who(row))}<br>teacher {escape(row.teacher)}</th>{shown}</tr>"
        )
    return (
        "<div class='panel scroll'><table class=grid><thead><tr><th rowspan=2>student (technique)</th>"
        f"{first}</tr><tr>{second}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _shade(share: float | None) -> str:
    """One of the classes shade-0 to shade-10, or `none`."""
    return "none" if share is None else f"shade-{round(10 * share)}"


def _worst(row: Mimicry) -> str:
    cases = "".join(f"<li>{_case(case)}</li>" for case in row.worst)
    return (
        f"<h2>Worst cases: {escape(who(row))}, teacher {escape(row.teacher)}</h2><ol class=cases>{cases}</ol>"
    )


def _case(case: WorstCase) -> str:
    answers = {"truth": case.truth, "teacher": case.teacher, "student": case.student}
    pairs = "".join(f"<dt>{who}</dt><dd><code>{escape(text)}</code></dd>" for who, text in answers.items())
    violated = ", ".join(map(title, case.relations))
    other = (
        f"<details><summary>The other snippet</summary><pre>{escape(case.other)}</pre></details>"
        if case.other
        else ""
    )
    lines = "\n".join(
        f"<span class={KIND.get(line[:1], 'same')}>{escape(line)}</span>" for line in case.diff.split("\n")
    )
    return (
        f"<p><b>{escape(title(case.transform))}</b>: {escape(violated)}</p><dl class=pairs>{pairs}</dl>"
        f"<pre class=diff>{lines}</pre>{other}"
    )
