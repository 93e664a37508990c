"""Java and C: which type an expression certainly has, and what evaluating it does.

Not covered: calls and members, whose types are not written in the function; what a macro hides.
"""

from __future__ import annotations

import re

from kdray.metamorphic.transforms.curly import UNKNOWN, Unit
from kdray.metamorphic.transforms.tree import Node, Source

INTEGERS = frozenset({"byte", "short", "char", "int", "long"})
NUMBERS = INTEGERS | {"float", "double"}


def type_of(source: Source, unit: Unit, node: Node | None, depth: int = 0) -> str:
    """`int`, `long`, `double`, `boolean`, `String`, ... where certain, else `UNKNOWN`."""
    if node is None or depth > 30:  # a deeper expression is not worth a deeper stack
        return UNKNOWN
    if node.type == "identifier":
        return unit.type_of_name(source.text(node))
    if node.type == "parenthesized_expression":
        return type_of(source, unit, node.children[1] if len(node.children) == 3 else None, depth + 1)
    if node.type == "char_literal":
        return "int"  # in C
    if node.type in ("unary_expression", "update_expression"):
        operator = node.child("operator")
        inner = node.child("operand") or node.child("argument")
        operand_type = type_of(source, unit, inner, depth + 1)
        sign = operator is not None and source.text(operator) in "+-"
        return operand_type if sign and operand_type in ("int", "long", "double") else UNKNOWN
    if node.type == "binary_expression":
        return _binary_type(source, unit, node, depth)
    return literal_type(source, node)


def _binary_type(source: Source, unit: Unit, node: Node, depth: int) -> str:
    operator = node.child("operator")
    sign = source.text(operator) if operator is not None else ""
    left = type_of(source, unit, node.child("left"), depth + 1)
    right = type_of(source, unit, node.child("right"), depth + 1)
    if sign == "+" and "String" in (left, right) and source.language == "java":
        return "String"
    if not {left, right} <= NUMBERS:
        return UNKNOWN
    if sign in ("<", ">", "<=", ">=", "==", "!="):
        return "boolean" if source.language == "java" else "int"
    if sign in ("<<", ">>", ">>>") and {left, right} <= INTEGERS:
        return "long" if left == "long" else "int"
    if sign in ("+", "-", "*", "/", "%") or (sign in ("&", "|", "^") and {left, right} <= INTEGERS):
        # C's long and int may be equally wide: the wider rank wins in both languages.
        order = ("double", "float", "long")
        return next((wide for wide in order if wide in (left, right)), "int")
    return UNKNOWN


DECIMAL = re.compile(r"^(0|[1-9][0-9_]*)([lL]?)$")


def literal_type(source: Source, node: Node) -> str:
    """The type of a literal. Decimal integers that fit only; other notations are left unknown."""
    text = source.text(node)
    if node.type in ("decimal_integer_literal", "number_literal"):
        decimal = DECIMAL.match(text)
        if decimal and int(decimal[1].replace("_", "")) < 2**31 - 1:
            return "long" if decimal[2] else "int"
        if node.type == "number_literal" and re.match(r"^[0-9]+\.[0-9]+$", text):
            return "double"
        return UNKNOWN
    if node.type == "decimal_floating_point_literal":
        return {"f": "float", "F": "float"}.get(text[-1], "double")
    if node.type == "string_literal" and source.language == "java":
        return "String"
    return "boolean" if node.type in ("true", "false") and source.language == "java" else UNKNOWN


QUIET = frozenset({"identifier", "true", "false", "parenthesized_expression", "(", ")", "decimal_integer_literal",
                   "number_literal", "decimal_floating_point_literal", "char_literal", "character_literal",
                   "character", "'", "escape_sequence"})  # fmt: skip
QUIET_SIGNS = frozenset({"+", "-", "*", "<", ">", "<=", ">=", "==", "!=", "&&", "||", "!"})


def is_quiet(source: Source, unit: Unit, node: Node) -> bool:
    """Whether evaluating does nothing, cannot fail, and depends on plain variables and literals alone."""
    for inner in node.walk():
        if inner.type in ("binary_expression", "unary_expression") or inner.type in QUIET_SIGNS:
            continue
        if inner.type not in QUIET:
            return False
        if inner.type == "identifier" and not unit.is_plain(source.text(inner)):
            return False
    return True


def closed(source: Source, node: Node) -> str:
    """An operand's text that keeps its place in a bigger expression."""
    compound = ("binary_expression", "ternary_expression", "conditional_expression", "assignment_expression",
                "lambda_expression", "cast_expression", "unary_expression", "instanceof_expression",
                "comma_expression", "update_expression", "switch_expression", "pointer_expression")  # fmt: skip
    return f"({source.text(node)})" if node.type in compound else source.text(node)


CHANGES = frozenset({"assignment_expression", "update_expression"})
CALLS = frozenset(
    {"call_expression", "method_invocation", "object_creation_expression", "explicit_constructor_invocation"}
)


def changed_names(source: Source, node: Node) -> set[str]:
    """Variables that an expression itself assigns or increments."""
    names = set()
    for inner in node.walk():
        if inner.type in CHANGES:
            names |= {source.text(child) for child in inner.walk() if child.type == "identifier"}
    return names


def calls(node: Node) -> bool:
    """Whether an expression runs code that stands elsewhere."""
    return any(inner.type in CALLS for inner in node.walk())
