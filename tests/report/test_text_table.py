"""Pipe tables: a cell stays in its place, whatever is in it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from kdray.report.show import as_text
from kdray.report.text_table import TextTable, escape, pipe_table


@given(st.lists(st.tuples(st.text(), st.text()), max_size=4))
def test_a_pipe_table_has_a_line_a_row_and_as_many_cells_in_each(rows):
    lines = pipe_table(["a", "b"], rows, "lr").split("\n")
    assert len(lines) == 3 + len(rows)
    assert lines[1] == "| --- | ---: |"
    assert lines.pop() == ""
    for line in lines:
        bare = re.sub(r"\\.", "", line)
        assert bare.count("|") == 3
        assert len(line.splitlines()) == 1


def test_what_markdown_would_read_is_escaped_and_intervals_stay_readable():
    assert escape("a_b <c> `d` *e* f|g \\") == r"a\_b \<c\> \`d\` \*e\* f\|g \\"
    assert escape("0.163 [.130\u2013.201]") == "0.163 [.130\u2013.201]"
    assert escape("[x](y)\nz") == "[x]\\(y) z"


def test_the_terminal_takes_square_brackets_for_text():
    table = TextTable(["a", "b"], [["[red]x", "1"]], "lr", [["[/]", "2"]])
    assert "[red]x" in as_text(table.to_rich())
    assert "[/]" in as_text(table.to_rich())
    assert table.to_markdown().splitlines()[2:] == ["| [red]x | 1 |", "| [/] | 2 |"]
