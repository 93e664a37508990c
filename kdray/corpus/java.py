"""Java tests as examples: the text of a method, and its assertions cut out of it.

A test is kept as it was written but for comments, empty lines, tabs before a line and its own indentation; what
stands in a text block is kept whole.
Assertions are statements that call something whose name begins with `assert`, anywhere in the chain of calls:
JUnit 3 to 5 and TestNG (`assertEquals(...)`, `Assert.assertTrue(...)`), Hamcrest (`assertThat(x, is(y))`),
AssertJ and Truth (`assertThat(x).isEqualTo(y)`, `assertWithMessage(m).that(x).isNull()`).

Not covered: `assert x;`, `fail()`, what Mockito verifies, and an assertion whose value is used
(`var e = assertThrows(...)`): a test that would show one of these beside the place is left out. So is one whose
assertions cannot all stand where the first one stood: in another branch, or after the declaration of a variable
that they name.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any, NamedTuple

from kdray.corpus.java_place import check_place
from kdray.corpus.java_tree import BLOCKS, is_assertion, name_of, parse, text, walk
from kdray.errors import DataError

__all__ = ["name_of", "parse", "walk"]

PLACEHOLDER = re.compile(
    r'(?:(?://|#) *)?"?<(?:ASSERT|AssertPlaceHolder|ASSERTION_PLACEHOLDER|ASSERTION)>"?(?: *;)?'
)
"""Where an assertion is wanted: kdray's own mark, and those of the published sets."""

MAX_ASSERTIONS = 3
"""A test with more is left out, as in the published sets."""

INDENT = "    "
_LITERAL = r'("""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')'
_LITERALS = re.compile(_LITERAL, re.S)
_PIECES = re.compile(_LITERAL + r"|//[^\n]*|/\*.*?\*/", re.S)


_PRIVATE = range(0xE000, 0xF900)
"""Characters that stand for something while code is made tidy: of them those that the code does not hold."""


class Cut(NamedTuple):
    """A test without its assertions: `context + target + after` is the test, if they stood together."""

    context: str
    target: str
    after: str


def without_comments(code: str) -> str:
    """Code without its comments."""
    return _PIECES.sub(_without_comment, code)


def tidy(code: str) -> str:
    """Code without comments, empty lines, blanks behind a line, tabs before one, and its own indentation."""
    code = without_comments(code.replace("\r\n", "\n").replace("\r", "\n"))
    blocks = [literal for literal in _LITERALS.findall(code) if "\n" in literal]
    mark = _unused(code)
    for block in blocks:
        code = code.replace(block, mark, 1)
    lines = [_with_spaces(line.rstrip()) for line in code.split("\n") if line.strip()]
    # A method taken out of its class has lost the indentation of its first line alone.
    if lines and lines[-1].strip() == "}" and not lines[0].startswith(" "):
        lines[0] = lines[-1].replace("}", lines[0])
    code = textwrap.dedent("\n".join(lines))
    for block in blocks:
        code = code.replace(mark, block, 1)
    return code


def _unused(code: str) -> str:
    """A character that does not stand in the code. Raises `DataError` where all of them do."""
    mark = next((chr(number) for number in _PRIVATE if chr(number) not in code), None)
    if mark is None:
        raise DataError("every private character is in use")
    return mark


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
    hole = _unused(masked)
    return _around(hole, PLACEHOLDER.sub(hole, masked, count=1))


def _around(hole: str, code: str) -> tuple[str, str] | None:
    """Where code stands beside the hole, the line is broken there."""
    before, mark, after = tidy(code).partition(hole)
    if not mark:
        return None
    line = before.rpartition("\n")[2]
    indent = line[: len(line) - len(line.lstrip())]
    if line.strip():
        before = f"{before.rstrip()}\n{indent}{INDENT}"
    beside, newline, rest = after.partition("\n")
    if beside.strip():
        beside = f"\n{indent}{beside.strip()}"
    return before, beside + newline + rest


def without_text_blocks(code: str) -> str:
    """Code in which a string over several lines is one on one line, with the same value."""
    return _LITERALS.sub(lambda match: _plain_literal(match[0]), code)


def _plain_literal(literal: str) -> str:
    """As the language reads a text block (JLS 3.10.6): the indentation that all lines share goes, also that of the
    closing delimiter, and blanks at the ends of lines; then escapes are read, which are left to the plain literal.
    """
    if not literal.startswith('"""') or "\n" not in literal:
        return literal
    lines = literal.removeprefix('"""').removesuffix('"""').split("\n")[1:]
    told = [line for line in lines[:-1] if line.strip()] + lines[-1:]
    shared = min((len(line) - len(line.lstrip()) for line in told), default=0)
    content = "\n".join(line[shared:].rstrip() for line in lines).replace("\\\n", "")
    quoted = re.sub(r'(\\.)|"', lambda match: match[1] or '\\"', content)
    return '"' + quoted.replace("\n", "\\n") + '"'


def has_line_comment(code: str) -> bool:
    """Whether some comment ends only with its line."""
    return any(piece[0].startswith("//") for piece in _PIECES.finditer(code))


def is_balanced(code: str) -> bool:
    """Whether every bracket outside of literals is closed."""
    bare = _LITERALS.sub("", code)
    return all(bare.count(opening) == bare.count(closing) for opening, closing in ("()", "[]", "{}"))


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


def assertions(method: Any) -> list[Any]:
    """The assertions of a method, outermost ones only, in the order of the text."""
    statements, stack = [], [method]
    while stack:
        node = stack.pop()
        if is_assertion(node):
            statements.append(node)
        else:
            stack.extend(reversed(node.children))
    return statements


def cut(method: Any, data: bytes) -> Cut | None:
    """A method without its assertions; None where `cut_or_say` says why not."""
    try:
        return cut_or_say(method, data)
    except DataError:
        return None


def cut_or_say(method: Any, data: bytes) -> Cut:
    """A method without its assertions.

    Args:
        method: its node.
        data: the UTF-8 source that the node was parsed from.

    Raises:
        DataError: why it makes no example.
    """
    if method.has_error:
        raise DataError("syntax that the parser does not know")
    statements = assertions(method)
    if not statements:
        raise DataError("no assertion that stands alone")
    if len(statements) > MAX_ASSERTIONS:
        raise DataError(f"more than {MAX_ASSERTIONS} assertions")
    check_place(method, statements)
    targets = [one_line(without_text_blocks(text(node))) for node in statements]
    hole = _unused(text(method))
    pieces, at = [], method.start_byte
    for number, node in enumerate(statements):
        # The only statement of an `if` leaves one that does nothing.
        left = hole.encode() if number == 0 else b"" if node.parent.type in BLOCKS else b";"
        pieces += [data[at : node.start_byte], left]
        at = node.end_byte
    pieces.append(data[at : method.end_byte])
    parts = _around(hole, b"".join(pieces).decode())
    if parts is None:
        raise DataError("an assertion that cannot be cut out")
    return Cut(parts[0], " ".join(str(target) for target in targets), parts[1])
