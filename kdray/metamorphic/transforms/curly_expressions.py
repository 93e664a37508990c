"""Java and C transformations of expressions.

There is no overloading here, but there is Java's string `+`, C's macros, and the null
pointer that is written 0.

Not covered: unsigned arithmetic, hexadecimal literals, floating point beyond swapping.
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.curly import Unit
from kdray.metamorphic.transforms.curly_blocks import (
    binds_pattern,
    chosen_nodes,
    declaration_place,
    insert_before,
    is_shown,
    statements,
)
from kdray.metamorphic.transforms.curly_types import (
    INTEGERS,
    NUMBERS,
    calls,
    closed,
    is_quiet,
    literal_type,
    type_of,
)
from kdray.metamorphic.transforms.dialects import unit_of
from kdray.metamorphic.transforms.tree import Node, Source
from kdray.metamorphic.transforms.words import fresh

MIRROR = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
ODD = frozenset(
    {"annotation", "switch_label", "enumerator", "bitfield_clause", "array_declarator", "class_body",
     "sizeof_expression", "alignof_expression", "offsetof_expression", "generic_expression", "initializer_pair",
     "initializer_list", "subscript_designator", "subscript_range_designator", "attribute_specifier",
     "attribute_declaration", "gnu_asm_expression", "macro_type_specifier", "type_descriptor", "field_declaration"}
)  # fmt: skip
Chosen = tuple[Unit, list[Node]]


def chosen_expressions(source: Source, rng: random.Random, *types: str) -> Chosen | Refusal:
    """The unit and its expressions of some types in the context's code, in a random order."""
    unit = unit_of(source)
    if isinstance(unit, str):
        return Refusal(unit)
    chosen = chosen_nodes(source, rng, types, lambda node: not _is_odd_place(node))
    if isinstance(chosen, Refusal):
        return chosen
    return unit, [node for node in chosen[1] if not is_shown(unit, node)]


def _is_odd_place(node: Node) -> bool:
    """Directives, annotations, labels, constants of static things, types."""
    for outer in node.ancestors():
        if outer.type in ODD or outer.type.startswith("preproc"):
            return True
        value = outer.child("value") if outer.type == "case_statement" else None
        if value is not None and value.start <= node.start < value.end:
            return True
        if outer.type == "declaration" and any(c.type == "storage_class_specifier" for c in outer.children):
            return True
    return False


def operand_swap(source: Source, rng: random.Random) -> Edits | Refusal:
    """`a < b` becomes `b > a`, `a + b` becomes `b + a`, `a && b` becomes `b && a`."""
    chosen = chosen_expressions(source, rng, "binary_expression")
    if isinstance(chosen, Refusal):
        return chosen
    unit, inside = chosen
    for node in inside:
        left, operator, right = node.child("left"), node.child("operator"), node.child("right")
        if left is None or operator is None or right is None or source.text(left) == source.text(right):
            continue
        sign = _swapped_sign(source, unit, left, source.text(operator), right)
        if sign is not None:
            edits = [(left, closed(source, right)), (operator, sign), (right, closed(source, left))]
            return Edits([Edit(part.start, part.end, text) for part, text in edits])
    return Refusal("no operands that certainly may change places")


def _may_be_null(source: Source, unit: Unit, *nodes: Node) -> bool:
    """Whether a boxed value may be looked at, which fails where it is null."""
    names = {source.text(inner) for node in nodes for inner in node.walk() if inner.type == "identifier"}
    return any(unit.type_of_name(name) not in NUMBERS | {"boolean"} for name in names)


def _has_values(source: Source, unit: Unit, *nodes: Node) -> bool:
    """Whether all variables have values, also where one side of `&&` has kept the other from being looked at."""
    names = {source.text(inner) for node in nodes for inner in node.walk() if inner.type == "identifier"}
    return all(unit.has_value(name) for name in names)


def _swapped_sign(source: Source, unit: Unit, left: Node, sign: str, right: Node) -> str | None:
    if not (is_quiet(source, unit, left) and is_quiet(source, unit, right)):
        return None
    types = {type_of(source, unit, left), type_of(source, unit, right)}
    if sign in MIRROR:
        # Of two that may be null the message tells which was looked at first.
        safe = source.language == "c" or sign in ("==", "!=") or not types.isdisjoint(NUMBERS)
        return MIRROR[sign] if safe else None
    if sign in ("&&", "||"):
        if source.language == "java":
            return None if _may_be_null(source, unit, left, right) else sign
        return sign if _has_values(source, unit, left, right) else None
    return sign if sign in ("+", "*") and types <= NUMBERS else None


def literal_to_variable(source: Source, rng: random.Random) -> Edits | Refusal:
    """An int literal becomes a variable that is set just before."""
    chosen = chosen_expressions(source, rng, "decimal_integer_literal", "number_literal")
    if isinstance(chosen, Refusal):
        return chosen
    unit, inside = chosen
    lines = {id(node) for node in statements(source, unit)}
    for node in inside:
        statement = next((outer for outer in node.ancestors() if id(outer) in lines), None)
        if statement is None or literal_type(source, node) != "int" or source.text(node) == "0":
            continue
        place = declaration_place(unit, statement)
        if place is None or not _is_free_place(source, unit, node, statement):
            continue
        if _is_no_constant(source, unit, node):
            name = fresh(rng, unit.words, unit.dialect.style, unit.dialect.words)
            first = insert_before(source, place, f"int {name} = {source.text(node)};")
            return Edits([first, Edit(node.start, node.end, name)])
    return Refusal("no int literal in a place where any int may stand")


def _is_no_constant(source: Source, unit: Unit, node: Node) -> bool:
    """Whether a literal is not part of a bigger constant, which compilers treat in a way of its own.

    What is after a condition that certainly is true may count on it; equal constant strings are one object. A C
    compiler sees that a constant fits where it is converted, and may be told to complain where a variable may not.
    """
    inner = node
    while inner.parent is not None and inner.parent.type == "parenthesized_expression":
        inner = inner.parent
    parent = inner.parent
    if parent is None or parent.type in ("if_statement", "while_statement"):
        return False
    if parent.type != "binary_expression":
        return source.language == "java" or parent.type != "argument_list"
    other = next((c for c in (parent.child("left"), parent.child("right")) if c is not inner), None)
    if other is None:
        return False
    if source.language == "c" and type_of(source, unit, other) not in INTEGERS | {"double"}:
        return False
    return calls(other) or any(
        child.type == "identifier" and unit.is_variable(source.text(child)) for child in other.walk()
    )


def _is_free_place(source: Source, unit: Unit, node: Node, statement: Node) -> bool:
    """Whether a literal stands where a variable may: no constant is asked for, no narrowing, no reachability."""
    if statement.type not in (
        "expression_statement",
        "return_statement",
        unit.dialect.declaration,
        "if_statement",
    ):
        return False
    for outer in node.ancestors():
        if outer is statement:
            break
        if outer.type in ("argument_list", "binary_expression", "parenthesized_expression", "if_statement"):
            continue
        if outer.type not in ("method_invocation", "call_expression", "variable_declarator", "init_declarator",
                              "assignment_expression"):  # fmt: skip
            return False
    if statement.type == "if_statement" and (condition := statement.child("condition")) is not None:
        return condition.start <= node.start < condition.end
    if statement.type == unit.dialect.declaration:
        type_ = statement.child("type")
        names = {source.text(inner) for inner in statement.walk() if inner.type == "identifier"}
        is_final = any(known.is_final for name in names for known in unit.declarations.get(name, ()))
        return not is_final and type_ is not None and source.text(type_) in ("int", "long", "double")
    if statement.type == "return_statement" or _assigns(statement):
        return _assigned_type(source, unit, statement) in ("int", "long", "double")
    return True


def _assigns(statement: Node) -> bool:
    return bool(statement.children) and statement.children[0].type == "assignment_expression"


def _assigned_type(source: Source, unit: Unit, statement: Node) -> str:
    """The type that a statement's value is converted to."""
    if statement.type == "return_statement":
        type_ = unit.function.child("type")
        declarator = unit.function.child("declarator")
        is_pointer = declarator is not None and declarator.type == "pointer_declarator"
        return source.text(type_) if type_ is not None and not is_pointer else ""
    return type_of(source, unit, statement.children[0].child("left"))


def neutral_element(source: Source, rng: random.Random) -> Edits | Refusal:
    """`3` becomes `(3 + 0)`; `if (a)` becomes `if ((a) && true)`."""
    chosen = chosen_expressions(
        source, rng, "decimal_integer_literal", "number_literal", "if_statement", "while_statement"
    )
    if isinstance(chosen, Refusal):
        return chosen
    unit, inside = chosen
    for node in inside:
        if node.type in ("if_statement", "while_statement"):
            condition = node.child("condition")
            if condition is None or condition.type != "parenthesized_expression" or binds_pattern(condition):
                continue
            text = f"({source.text(condition)} && {unit.dialect.true})"
            return Edits([Edit(condition.start, condition.end, text)])
        # 0 may be a null pointer; 2147483648 is only written behind a minus.
        if literal_type(source, node) in INTEGERS and source.text(node).rstrip("lL") != "0":
            return Edits([Edit(node.start, node.end, f"({source.text(node)} + 0)")])
    return Refusal("no int literal or condition")
