"""Java tests as examples: the text of a method, and its assertions cut out of it.

A test is kept as it was written but for comments, empty lines, tabs before a line and its own indentation.
Assertions are statements that call something whose name begins with `assert`, anywhere in the chain of calls:
JUnit 3 to 5 and TestNG (`assertEquals(...)`, `Assert.assertTrue(...)`), Hamcrest (`assertThat(x, is(y))`),
AssertJ and Truth (`assertThat(x).isEqualTo(y)`, `assertWithMessage(m).that(x).isNull()`).

Not covered: `assert x;`, `fail()`, what Mockito verifies, and an assertion whose value is used
(`var e = assertThrows(...)`): these stay in the test. Nor an assertion that holds a text block.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

PLACEHOLDER = re.compile(
    r'(?:(?://|#) *)?"?<(?:ASSERT|AssertPlaceHolder|ASSERTION_PLACEHOLDER|ASSERTION)>"?(?: *;)?'
)
"""Where an assertion is wanted: kdray's own mark, and those of the published sets."""

MAX_ASSERTIONS = 3
"""A test with more is left out, as in the published sets."""

HOLE = "\ue000"
"""Stands for the placeholder while a test is made tidy: a character that no source holds."""
INDENT = "    "
_LITERAL = r'("""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')'
_LITERALS = re.compile(_LITERAL, re.S)
_PIECES = re.compile(_LITERAL + r"|//[^\n]*|/\*.*?\*/", re.S)
_BLOCKS = ("block", "constructor_body", "switch_block_statement_group")
"""Nodes that hold any number of statements."""


class Cut(NamedTuple):
    """A test without its assertions: `context + target + after` is the test, if they stood together."""

    context: str
    target: str
    after: str


def tidy(code: str) -> str:
    """Code without comments, empty lines, blanks behind a line, tabs before one, and its own indentation."""
    code = _PIECES.sub(_without_comment, code.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [_with_spaces(line.rstrip()) for line in code.split("\n") if line.strip()]
    # A method taken out of its class has lost the indentation of its first line alone.
    if lines and lines[-1].strip() == "}" and not lines[0].startswith(" "):
        lines[0] = lines[-1].replace("}", lines[0])
    return textwrap.dedent("\n".join(lines))


def _without_comment(piece: re.Match[str]) -> str:
    if piece[1] is not None:
        return piece[0]
    beside = piece.string[piece.start() - 1 : piece.start()] + piece.string[piece.end() : piece.end() + 1]
    return " " if re.fullmatch(r"\w\w", beside) else ""


def _with_spaces(line: str) -> str:
    body = line.lstrip()
    return line[: len(line) - len(body)].expandtabs(len(INDENT)) + body


def opened(masked: str) -> tuple[str, str] | None:
    """What stands before and after the placeholder of a masked test, as in an `Example`; None without one."""
    return _around_hole(PLACEHOLDER.sub(HOLE, masked, count=1))


def _around_hole(code: str) -> tuple[str, str] | None:
    """Where code stands beside the hole, the line is broken there."""
    before, hole, after = tidy(code).partition(HOLE)
    if not hole:
        return None
    line = before.rpartition("\n")[2]
    indent = line[: len(line) - len(line.lstrip())]
    if line.strip():
        before = f"{before.rstrip()}\n{indent}{INDENT}"
    beside, newline, rest = after.partition("\n")
    if beside.strip():
        beside = f"\n{indent}{beside.strip()}"
    return before, beside + newline + rest


def one_line(statement: str) -> str | None:
    """A statement without comments and line breaks; None for one with a text block."""
    pieces = _LITERALS.split(tidy(statement))
    if any(literal.startswith('"""') for literal in pieces[1::2]):
        return None
    pieces[0::2] = [_joined(code) for code in pieces[0::2]]
    return "".join(pieces).strip()


def _joined(code: str) -> str:
    code = re.sub(r"(?<=\()\s*\n\s*|\s*\n\s*(?=[).])", "", code)
    return re.sub(r"\s*\n\s*", " ", code)


def focal_code(class_name: str, method: str) -> str:
    """A method under test within its class; "" without a method."""
    body = tidy(method)
    return f"class {class_name} {{\n{body}\n}}" if class_name and body else body


@lru_cache(maxsize=1)
def _parser() -> Any:
    import tree_sitter
    import tree_sitter_java

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_java.language()))


def parse(data: bytes) -> Any:
    """The root of the syntax tree of a source."""
    return _parser().parse(data).root_node


def walk(node: Any) -> Iterator[Any]:
    """A node and all below it, in the order of the text."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(reversed(one.children))


def text(node: Any) -> str:
    """The source of a node, "" for none."""
    return "" if node is None else str(node.text.decode("utf-8", "replace"))


def name_of(node: Any) -> str:
    """The name that a node declares or calls."""
    return text(node.child_by_field_name("name"))


def is_assertion(node: Any) -> bool:
    """Whether a node is a statement that does nothing but assert."""
    call = node.named_children[0] if node.type == "expression_statement" else None
    while call is not None and call.type == "method_invocation":
        if name_of(call).startswith("assert"):
            return True
        call = call.child_by_field_name("object")
    return False


def assertions(method: Any) -> list[Any]:
    """The assertions of a method, outermost ones only, in the order of the text."""
    found, stack = [], [method]
    while stack:
        node = stack.pop()
        if is_assertion(node):
            found.append(node)
        else:
            stack.extend(reversed(node.children))
    return found


def cut(method: Any, data: bytes) -> Cut | None:
    """A method without its assertions; None where it has none, more than `MAX_ASSERTIONS`, or a text block in one.

    Args:
        method: its node.
        data: the source that the node was parsed from.
    """
    found = assertions(method)
    targets = [one_line(text(node)) for node in found]
    if not 1 <= len(found) <= MAX_ASSERTIONS or None in targets:
        return None
    pieces, at = [], method.start_byte
    for number, node in enumerate(found):
        # The only statement of an `if` leaves one that does nothing.
        left = HOLE.encode() if number == 0 else b"" if node.parent.type in _BLOCKS else b";"
        pieces += [data[at : node.start_byte], left]
        at = node.end_byte
    pieces.append(data[at : method.end_byte])
    parts = _around_hole(b"".join(pieces).decode("utf-8", "replace"))
    return parts and Cut(parts[0], " ".join(str(target) for target in targets), parts[1])
