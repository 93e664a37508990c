"""Java and C transformations of choices: `if`, `else if` and conditional expressions.

Java's compiler refuses a use before assignment, and decides by fixed rules what it is: what would fall foul of
them is left alone.

Not covered: `switch` (see `curly_switch`).
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal, head_of
from kdray.metamorphic.transforms.curly import Unit
from kdray.metamorphic.transforms.curly_blocks import (
    as_block,
    binds_pattern,
    chosen_statements,
    clause,
    holds_foreign_case,
)
from kdray.metamorphic.transforms.curly_types import calls, changed_names
from kdray.metamorphic.transforms.curly_values import have_one_type, is_still_place, takes
from kdray.metamorphic.transforms.tree import Node, Source

BLOCKS = ("block", "compound_statement", "constructor_body")


def if_else_swap(source: Source, rng: random.Random) -> Edits | Refusal:
    """`if (a) b else c` becomes `if (!(a)) c else b`."""
    chosen = chosen_statements(source, rng, "if_statement")
    if isinstance(chosen, Refusal):
        return chosen
    unit, choices = chosen
    for node in choices:
        parts = clause(node)
        if parts is None:
            continue
        condition, then, other = parts
        if other is None or binds_pattern(condition) or _holds_label(node):
            continue
        if then.type not in BLOCKS and unit.has_stranger(then):
            continue  # a macro may begin with an if, which takes the else
        first, second = as_block(source, unit, other), as_block(source, unit, then)
        text = f"if (!{source.text(condition)}) {first} else {second}"
        return Edits([Edit(node.start, node.end, text)])
    return Refusal("no if with an else that can be swapped")


def _holds_label(node: Node) -> bool:
    return holds_foreign_case(node) or any(inner.type == "labeled_statement" for inner in node.walk())


def elif_split(source: Source, rng: random.Random) -> Edits | Refusal:
    """`else if` becomes an `if` in a block of its own."""
    chosen = chosen_statements(source, rng, "if_statement")
    if isinstance(chosen, Refusal):
        return chosen
    unit, choices = chosen
    for node in choices:
        parts = clause(node)
        if parts is not None and parts[2] is not None and parts[2].type == "if_statement":
            return Edits([Edit(parts[2].start, parts[2].end, as_block(source, unit, parts[2]))])
    return Refusal("no else if")


def elif_merge(source: Source, rng: random.Random) -> Edits | Refusal:
    """`else { if ... }` becomes `else if ...`."""
    chosen = chosen_statements(source, rng, "if_statement")
    if isinstance(chosen, Refusal):
        return chosen
    for node in chosen[1]:
        parts = clause(node)
        if parts is None or parts[2] is None or parts[2].type not in ("block", "compound_statement"):
            continue
        if _may_be_followed_by_else(node):
            continue
        inside = [child for child in parts[2].children if child.type not in ("{", "}")]
        if len(inside) == 1 and inside[0].type == "if_statement":
            return Edits([Edit(parts[2].start, parts[2].end, source.text(inside[0]))])
    return Refusal("no if alone in an else")


def _may_be_followed_by_else(node: Node) -> bool:
    """Whether a statement stands without braces where an `else` may come next, which would bind to it."""
    inner = node
    for outer in node.ancestors():
        if outer.type in ("block", "compound_statement"):
            return False
        if outer.type == "if_statement" and inner.field == "consequence":
            return True
        inner = outer
    return False


def ternary_to_if(source: Source, rng: random.Random) -> Edits | Refusal:
    """`x = a ? b : c;` becomes an if statement, where b and c have the same known type."""
    chosen = chosen_statements(source, rng, "expression_statement", "return_statement")
    if isinstance(chosen, Refusal):
        return chosen
    unit, choices = chosen
    for node in choices:
        inner = node.children[0] if node.type == "expression_statement" else node
        value = inner.child("right") if inner.type == "assignment_expression" else _returned(node)
        target = inner.child("left") if inner.type == "assignment_expression" else None
        if (
            value is None
            or value.type != unit.dialect.ternary
            or (target is not None and target.type != "identifier")
        ):
            continue
        condition, then, other = (
            value.child("condition"),
            value.child("consequence"),
            value.child("alternative"),
        )
        if condition is None or then is None or other is None or not have_one_type(source, unit, then, other):
            continue
        if not _may_be_condition(source, unit, condition) or not takes(source, unit, target, then, other):
            continue
        operator = inner.child("operator")
        is_compound = operator is not None and source.text(operator) != "="
        if is_compound and not _leaves_alone(source, unit, condition, source.text(target) if target else ""):
            continue
        head = head_of(source, node.start, value.start)
        first, second = f"{{ {head}{source.text(then)}; }}", f"{{ {head}{source.text(other)}; }}"
        text = f"if ({source.text(condition)}) {first} else {second}"
        is_inside = node.parent is not None and node.parent.type in BLOCKS
        return Edits([Edit(node.start, node.end, text if is_inside else f"{{ {text} }}")])
    return Refusal("no conditional expression whose arms certainly have one type")


def _returned(node: Node) -> Node | None:
    return node.children[1] if node.type == "return_statement" and len(node.children) == 3 else None


def _may_be_condition(source: Source, unit: Unit, condition: Node) -> bool:
    """Whether a condition ends where it seems to: a macro may hold an operator that binds less."""
    return not binds_pattern(condition) and (
        condition.type == "parenthesized_expression" or not unit.has_stranger(condition)
    )


def _leaves_alone(source: Source, unit: Unit, condition: Node, name: str) -> bool:
    """Whether a condition certainly does not change what a compound assignment has already read."""
    if name in changed_names(source, condition) or unit.has_stranger(condition):
        return False
    return not calls(condition) or (source.language == "java" and unit.is_plain(name))


def if_to_ternary(source: Source, rng: random.Random) -> Edits | Refusal:
    """An if statement that only chooses a variable's value becomes a conditional expression."""
    chosen = chosen_statements(source, rng, "if_statement")
    if isinstance(chosen, Refusal):
        return chosen
    unit, choices = chosen
    for node in choices:
        parts = clause(node)
        if parts is None or parts[2] is None or binds_pattern(parts[0]):
            continue
        then, other = _only_assignment(source, parts[1]), _only_assignment(source, parts[2])
        if then is None or other is None or source.text(then[0]) != source.text(other[0]):
            continue
        left = then[0]
        if not have_one_type(source, unit, then[1], other[1]) or not takes(
            source, unit, left, then[1], other[1]
        ):
            continue
        if not _is_same_place(source, unit, left, parts[0]):
            continue
        arms = f"({source.text(then[1])}) : ({source.text(other[1])})"
        return Edits([Edit(node.start, node.end, f"{source.text(left)} = {source.text(parts[0])} ? {arms};")])
    return Refusal("no if that only chooses a value of one certain type")


def _only_assignment(source: Source, node: Node) -> tuple[Node, Node] | None:
    """Target and value of a branch that is one plain assignment."""
    if node.type in BLOCKS:
        inside = [child for child in node.children if child.type not in ("{", "}")]
        if len(inside) != 1:
            return None
        node = inside[0]
    inner = node.children[0] if node.type == "expression_statement" else node
    left, right, operator = inner.child("left"), inner.child("right"), inner.child("operator")
    if inner.type != "assignment_expression" or left is None or right is None or operator is None:
        return None
    return (left, right) if source.text(operator) == "=" else None


def _is_same_place(source: Source, unit: Unit, left: Node, condition: Node) -> bool:
    """Whether a target means the same before a condition as after it."""
    names = {source.text(inner) for inner in left.walk() if inner.type == "identifier"}
    if names & changed_names(source, condition):
        return False
    if left.type == "identifier" and (unit.is_plain(source.text(left)) or source.language == "java"):
        return True
    if not is_still_place(source, unit, left):
        return False
    return source.language == "java" or not (calls(condition) or unit.has_stranger(condition))
