"""Small faults put into a Java method, on its syntax tree: what a good assertion notices.

The operators are those of Python's (`kdray.execution.mutants`): another arithmetic, comparison or boolean
operator, a sign or `!` taken away, a constant changed, two arguments exchanged, a plain value returned, a branch
taken the other way, a statement left out. One that does not compile is no fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from kdray.corpus.java import focal_code
from kdray.corpus.java_tree import DECLARATIONS, members, name_of, parse, text, walk

SWAPPED = {
    "+": "-", "-": "+", "*": "+", "/": "*", "%": "*", "&": "|", "|": "&", "^": "&", "<<": ">>", ">>": "<<",
    ">>>": "<<", "==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||", "||": "&&",
    "+=": "-=", "-=": "+=", "*=": "+=", "/=": "*=", "%=": "*=", "&=": "|=", "|=": "&=", "^=": "&=",
    "<<=": ">>=", ">>=": "<<=", ">>>=": "<<=", "++": "--", "--": "++",
}  # fmt: skip
"""Operator -> what it becomes."""
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
TURNED = ("==", "!=")
"""Operators whose fault is their opposite."""
_NUMBERS = ("byte", "short", "int", "long", "float", "double", "char")
_BRANCHES = ("if_statement", "while_statement", "do_statement", "ternary_expression", "for_statement")


class Place(NamedTuple):
    """A fault by its place in the bytes of a file.

    Attributes:
        start, end: what it replaces.
        new: by what.
        what: in words.
    """

    start: int
    end: int
    new: bytes
    what: str

    def put(self, data: bytes) -> bytes:
        """The file with the fault."""
        return data[: self.start] + self.new + data[self.end :]


def focal_method(data: bytes, focal: str) -> Any | None:
    """The node of a method under test (see `focal_code`) in a file's source; None where it is not there."""
    for node in walk(parse(data)):
        if node.type not in DECLARATIONS:
            continue
        for member in members(node.child_by_field_name("body")):
            is_method = member.type in ("method_declaration", "constructor_declaration")
            if is_method and focal_code(name_of(node), text(member)) == focal:
                return member
    return None


def faults_of(method: Any) -> list[Place]:
    """Every fault of a method, in the order of its text."""
    body = method.child_by_field_name("body")
    returned = text(method.child_by_field_name("type"))
    found = [] if body is None else [place for node in walk(body) for place in _faults(node, returned)]
    return list(dict.fromkeys(place for place in found if place.new.strip() != b""))


def _faults(node: Any, returned: str) -> Iterator[Place]:
    operator = node.child_by_field_name("operator")
    sign = text(operator)
    if node.type in ("binary_expression", "assignment_expression") and sign in SWAPPED:
        kind = "comparison" if sign in COMPARISONS else "operator"
        yield _place(operator, SWAPPED[sign], f"another {kind}")
    elif node.type == "update_expression":
        step = next(child for child in node.children if child.type in ("++", "--"))
        yield _place(step, SWAPPED[step.type], "another operator")
    elif node.type == "unary_expression" and sign in ("!", "-"):
        inner = text(node.child_by_field_name("operand"))
        yield _place(node, f"({inner})", "a negation taken away" if sign == "!" else "a sign taken away")
    elif node.type in _CONSTANTS:
        yield _place(node, _CONSTANTS[node.type](text(node)), "another constant")
    elif node.type == "argument_list":
        yield from _exchanged(node)
    elif node.type == "return_statement":
        yield from _plain_return(node, returned)
    elif node.type == "expression_statement":
        yield _place(node, ";", "a statement left out")
    if node.type in _BRANCHES:
        yield from _turned(node)


def _other_number(value: str) -> str:
    return "1" if value in ("0", "0L", "0x0") else f"({value} + 1)"


_CONSTANTS: dict[str, Callable[[str], str]] = {
    "decimal_integer_literal": _other_number,
    "hex_integer_literal": _other_number,
    "decimal_floating_point_literal": lambda value: f"({value} + 1)",
    "character_literal": lambda value: "'k'" if value != "'k'" else "'d'",
    "string_literal": lambda value: '"kdray"' if value == '""' else '""',
    "true": lambda value: "false",
    "false": lambda value: "true",
}
"""Node of a constant -> another one of the same kind."""


def _exchanged(node: Any) -> Iterator[Place]:
    given = [child for child in node.named_children if "comment" not in child.type]
    if len(given) > 1 and text(given[0]) != text(given[1]):
        first, second = given[:2]
        between = node.text[first.end_byte - node.start_byte : second.start_byte - node.start_byte]
        new = second.text + between + first.text
        yield Place(first.start_byte, second.end_byte, new, _said("two arguments exchanged", first))


def _plain_return(node: Any, returned: str) -> Iterator[Place]:
    value = next((child for child in node.named_children if "comment" not in child.type), None)
    if value is None or not returned:
        return
    plain = "0" if returned in _NUMBERS else "null"
    if returned == "boolean":
        if value.type not in ("true", "false"):  # those are constants
            yield _place(value, f"!({text(value)})", "the opposite returned")
    elif text(value) != plain:
        yield _place(value, plain, "nothing returned")


def _turned(node: Any) -> Iterator[Place]:
    condition = node.child_by_field_name("condition")
    while condition is not None and condition.type == "parenthesized_expression":
        condition = next((child for child in condition.named_children if "comment" not in child.type), None)
    if condition is None:
        return
    sign = text(condition.child_by_field_name("operator"))
    is_counted = condition.type in ("true", "false") or sign == "!"
    if not (is_counted or (condition.type == "binary_expression" and sign in TURNED)):
        yield _place(condition, f"!({text(condition)})", "the other branch taken")


def _place(node: Any, new: str, what: str) -> Place:
    return Place(node.start_byte, node.end_byte, new.encode(), _said(what, node))


def _said(what: str, node: Any) -> str:
    return f"{what} in line {node.start_point[0] + 1}"
