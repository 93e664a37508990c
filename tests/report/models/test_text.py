"""Markdown and the terminal's table, with source that means harm."""

from __future__ import annotations

import re

from kdray.report.models.tables import tables
from kdray.report.models.text import to_markdown, to_text
from tests.report.models.made_up import HOSTILE, comparison


def test_a_hostile_snippet_stays_inside_its_fence_and_its_cell():
    text = to_markdown([comparison(HOSTILE)])
    fence = re.search(r"^(`+)diff$", text, re.MULTILINE)[1]
    inside = text[text.index(f"{fence}diff") :].split("\n")
    assert fence not in "".join(inside[1 : inside.index(fence)])
    outside = text[: text.index(f"{fence}diff")] + text[text.rindex(fence) :]
    assert "<script>" not in outside
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in outside.split("\n") if line.startswith("|")]
    tables_of = [
        len(heads) + 1 for _, heads, body in tables([comparison(HOSTILE)]) for _ in range(2 + len(body))
    ]
    assert widths == tables_of


def test_a_terminal_gets_a_line_for_each_transformation_and_attack():
    text = to_text([comparison(), comparison("other")])
    assert re.search(r"^comments +50% +50% +. +50% +50%", text, re.MULTILINE)
    assert "up to 75.0 % of inputs violate a relation (student, alert)" in text
    assert "[2] clone: student other (other), teacher teacher" in text
    assert "greater by 200 %" in text
