"""A table of text once, in the terminal and as Markdown: no cell can leave its place in either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdray.console import printable

if TYPE_CHECKING:
    from rich.table import Table

_RULES = {"l": "---", "r": "---:"}


@dataclass(frozen=True)
class TextTable:
    """Headings and rows of as many cells each.

    Attributes:
        heads: one a column.
        rows: what is compared.
        align: `l` or `r` for each column.
        below: what the rows are held against, under a rule in the terminal.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str
    below: Sequence[Sequence[str]] = ()

    def to_markdown(self) -> str:
        """A pipe table."""
        return pipe_table(self.heads, [*self.rows, *self.below], self.align)

    def to_rich(self) -> Table:
        """For the terminal; square brackets are text there, not markup."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
        for head, side in zip(self.heads, self.align, strict=True):
            table.add_column(Text(head), justify="right" if side == "r" else "left")
        for row in self.rows:
            table.add_row(*map(Text, row))
        table.add_section()
        for row in self.below:
            table.add_row(*map(Text, row), style="italic")
        return table


def pipe_table(heads: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """Markdown, a line a row, with a line end after the last. `align` has `l` or `r` for each column."""
    rule = "| " + " | ".join(_RULES[side] for side in align) + " |"
    return "\n".join([_line(heads), rule, *map(_line, rows)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(escape, cells)) + " |"


def escape(text: str) -> str:
    """The text with every sign escaped that Markdown would read; a line end is a space."""
    flat = printable(" ".join(text.splitlines()))
    # Of brackets only those that make a link: those around an interval stay readable in the source.
    return "".join(f"\\{sign}" if sign in "\\|`*_<>" else sign for sign in flat).replace("](", "]\\(")
