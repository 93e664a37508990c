"""Where assertions are wanted in a file: its placeholders, a line, the end of a test; and the file with them."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from kdray.corpus.java import PLACEHOLDER
from kdray.corpus.java_tree import name_of, parse, walk
from kdray.corpus.python_tree import FunctionNode, parsed
from kdray.errors import ConfigError, DataError, nearest

MARK, CALL = "<ASSERT>", "kdray();"
_BEHIND_A_LINE = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")
"""Lines end as Python and Java have it: `\\n`, `\\r\\n` or `\\r`."""


@dataclass(frozen=True)
class Place:
    """One place in a file.

    Attributes:
        line: number, from 1, of the line that an assertion stands on.
        replaces: whether it takes that line's place, and does not go before it.
        indent: what stands before it.
    """

    line: int
    replaces: bool
    indent: str

    def filled(self, source: str, text: str) -> str:
        """The file with a text in this place, its lines ended as the file's first one is."""
        lines = _BEHIND_A_LINE.split(source)
        end = lines[0][len(lines[0].rstrip("\r\n")) :] or "\n"
        before, behind = lines[: self.line - 1], lines[self.line - 1 + self.replaces :]
        new = [f"{self.indent}{line}{end}" for line in text.splitlines()]
        if new and not behind:  # the last line of a file that does not end with one
            before[-1:] = before[-1:] if self.replaces else [before[-1] + end]
            new[-1] = new[-1].removesuffix(end)
        return "".join([*before, *new, *behind])


def placeholders(source: str, path: str) -> list[Place]:
    """The lines that hold a placeholder and nothing else. Raises `DataError` for none, or one beside code."""
    found = []
    for number, line in enumerate(source.split("\n"), 1):
        if (match := PLACEHOLDER.search(line)) is None:
            continue
        indent = line[: match.start()]
        if indent.strip():
            raise DataError(f"{path or 'input'}: the placeholder must stand on a line of its own")
        found.append(Place(number, True, indent))
    if not found:
        raise DataError(
            f"{path or 'input'}: no placeholder: write {MARK} on the line where the assertion goes, or name the"
            " place: --line 12, or FILE::test_name"
        )
    return found


def at_line(source: str, number: int, path: str) -> Place:
    """Before a line, as deep as it is, or as the last one before it that is not empty. Raises `ConfigError`."""
    lines = source.split("\n")
    if not 1 <= number <= len(lines):
        raise ConfigError(f"{path or 'input'}: --line {number}: it has {len(lines)} lines")
    near = next((line for line in (lines[number - 1], *lines[: number - 1][::-1]) if line.strip()), "")
    return Place(number, False, near[: len(near) - len(near.lstrip())])


def at_end_of(source: str, test: str, path: str, language: str) -> Place:
    """Behind the last line of a test, named as `test_name` or `Class::test_name`. Raises `ConfigError` for none or
    several of that name, `DataError` for a source that does not parse.
    """
    ends = _python_ends(source, path) if language == "python" else _java_ends(source)
    named = {name: end for name, end in ends.items() if name == test or name.endswith(f"::{test}")}
    if len(named) != 1:
        which = f"is {', '.join(named)}: say which" if named else f"is not there{nearest(test, ends)}"
        raise ConfigError(f"{path or 'input'}::{test} {which}")
    (end,) = named.values()
    return end


def asked(source: str, place: Place, others: Sequence[Place] = ()) -> str:
    """The file with a placeholder in this place, and in none of the others."""
    for each in sorted({place, *others}, key=lambda each: (-each.line, each == place)):
        if each == place or each.replaces:
            source = each.filled(source, MARK if each == place else "")
    return source


def wanted(
    source: str, path: str, language: str, line: int | None = None, test: str | None = None
) -> dict[Place, str]:
    """Each place that is asked about, and the file as it is asked there.

    Args:
        source: of a test, a file or a part of one.
        path: the file's name; "" for none.
        language: `python` or `java`.
        line: a line that the assertion goes before; None for none.
        test: a test that it ends; None for none. Without both: every placeholder.

    Raises:
        ConfigError: there is no such line or test.
        DataError: no placeholder, or a source that does not parse.
    """
    if line is None and test is None:
        found = placeholders(source, path)
        return {place: asked(source, place, found) for place in found}
    others = placeholders(source, path) if PLACEHOLDER.search(source) else []
    if test is not None:
        place = at_end_of(_parsable(source, others), test, path, language)
        # A placeholder that ends the test is its end.
        place = next((one for one in others if one.line == place.line - 1), place)
    else:
        place = at_line(source, line or 0, path)
    return {place: asked(source, place, others)}


def _parsable(source: str, marked: Sequence[Place]) -> str:
    """The file with a call, as either language has it, on the lines of its placeholders; comments stay."""
    lines = source.split("\n")
    for place in marked:
        if not lines[place.line - 1].lstrip().startswith(("#", "//")):
            lines[place.line - 1] = f"{place.indent}{CALL}"
    return "\n".join(lines)


def _python_ends(source: str, path: str) -> dict[str, Place]:
    try:
        tree = parsed(source)
    except DataError as error:
        raise DataError(
            f"{path or 'input'}: {error}, so where a test ends is not known: write {MARK} where the assertion goes"
        ) from error
    lines, ends = source.split("\n"), {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                visit(child, f"{prefix}{child.name}::")
            elif isinstance(child, FunctionNode):
                first, last = child.body[0], child.body[-1].end_lineno or child.lineno
                indent = lines[first.lineno - 1][: first.col_offset]
                if not indent.strip():  # a body that stands beside its head has no end of its own
                    ends[f"{prefix}{child.name}"] = Place(last + 1, False, indent)

    visit(tree, "")
    return ends


def _java_ends(source: str) -> dict[str, Place]:
    data = source.encode()
    ends: dict[str, Place] = {}
    for node in walk(parse(data)):
        body = node.child_by_field_name("body") if node.type == "method_declaration" else None
        if body is None:
            continue
        line_start = data.rfind(b"\n", 0, body.end_byte - 1) + 1
        outer = data[line_start : body.end_byte - 1].decode()
        if outer.strip():  # a body that ends beside its code
            continue
        holder = node.parent
        while holder is not None and not holder.type.endswith("_declaration"):
            holder = holder.parent
        prefix = f"{name_of(holder)}::" if holder is not None else ""
        ends[f"{prefix}{name_of(node)}"] = Place(data.count(b"\n", 0, line_start) + 1, False, f"{outer}    ")
    return ends
