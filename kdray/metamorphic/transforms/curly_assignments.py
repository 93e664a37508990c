"""Java and C: assignments in other words, `x += y` and `x = x + y`, `i++` and `i += 1`.

Java narrows in `x += y`; what the target's expression does, it must do once.

Not covered: unsigned arithmetic.
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.curly import Unit
from kdray.metamorphic.transforms.curly_expressions import chosen_expressions
from kdray.metamorphic.transforms.curly_types import INTEGERS, NUMBERS, calls, changed_names, closed, type_of
from kdray.metamorphic.transforms.curly_values import is_still_place
from kdray.metamorphic.transforms.tree import Node, Source

WIDTH = {"int": 1, "long": 2, "float": 3, "double": 4}
SIGNS = frozenset({"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>"})


def compound_to_plain(source: Source, rng: random.Random) -> Edits | Refusal:
    """`x += y` becomes `x = x + y`."""
    chosen = chosen_expressions(source, rng, "assignment_expression")
    if isinstance(chosen, Refusal):
        return chosen
    unit, inside = chosen
    for node in inside:
        left, operator, right = node.child("left"), node.child("operator"), node.child("right")
        if left is None or operator is None or right is None:
            continue
        sign = source.text(operator).removesuffix("=")
        if sign in SIGNS and _is_the_same(source, unit, left, sign, right):
            value = f"({source.text(right)})" if unit.has_stranger(right) else closed(source, right)
            text = source.text(left)
            return Edits([Edit(node.start, node.end, f"{text} = {text} {sign} {value}")])
    return Refusal("no compound assignment without a conversion in it")


def _is_the_same(source: Source, unit: Unit, left: Node, sign: str, right: Node) -> bool:
    """Whether `x op= y` and `x = x op y` do the same.

    In C they do by definition where naming x twice does nothing. In Java the first converts to the type of x,
    and the second does not compile where there is something to convert.
    """
    if not is_still_place(source, unit, left):
        return False
    names = {source.text(inner) for inner in left.walk() if inner.type == "identifier"}
    if names & changed_names(source, right) or (sign == ">>>" and source.language == "c"):
        return False
    if source.language == "c" and left.type != "identifier":
        return not calls(right)
    if source.language == "c":
        return type_of(source, unit, left) in NUMBERS or unit.written_type(source.text(left)).endswith("*")
    type_, other = type_of(source, unit, left), type_of(source, unit, right)
    if type_ == "String":
        return sign == "+" and other in NUMBERS | {"String", "boolean"}
    if sign in ("&", "|", "^", "<<", ">>", ">>>") and not {type_, other} <= INTEGERS:
        return False
    return type_ in WIDTH and other in NUMBERS and WIDTH[type_] >= WIDTH.get(other, 1)


def plain_to_compound(source: Source, rng: random.Random) -> Edits | Refusal:
    """`x = x + y` becomes `x += y`."""
    chosen = chosen_expressions(source, rng, "assignment_expression")
    if isinstance(chosen, Refusal):
        return chosen
    unit, inside = chosen
    for node in inside:
        left, operator, right = node.child("left"), node.child("operator"), node.child("right")
        if left is None or operator is None or right is None or source.text(operator) != "=":
            continue
        inner, sign, value = right.child("left"), right.child("operator"), right.child("right")
        if right.type != "binary_expression" or inner is None or sign is None or value is None:
            continue
        if source.text(inner) != source.text(left) or source.text(sign) not in SIGNS:
            continue
        # What a macro stands for may bind less than the sign did.
        if unit.has_stranger(value) and value.type != "parenthesized_expression":
            continue
        if _is_the_same(source, unit, left, source.text(sign), value) and _is_read(source, unit, left, node):
            text = f"{source.text(left)} {source.text(sign)}= {source.text(value)}"
            return Edits([Edit(node.start, node.end, text)])
    return Refusal("no x = x + y without a conversion in it")


def _is_read(source: Source, unit: Unit, left: Node, node: Node) -> bool:
    """Whether a variable is read elsewhere: one that is only added to, a C compiler may complain about."""
    if source.language == "java" or left.type != "identifier":
        return True
    others = [use for use in unit.uses[source.text(left)] if not node.start <= use.start < node.end]
    return any(
        use.field not in ("left", "declarator")
        and use.parent is not None
        and use.parent.type != "update_expression"
        for use in others
    )


def increment_form(source: Source, rng: random.Random) -> Edits | Refusal:
    """`i++` whose value nobody takes becomes `i = i + 1`, `i += 1` or `++i`."""
    chosen = chosen_expressions(source, rng, "update_expression")
    if isinstance(chosen, Refusal):
        return chosen
    unit, inside = chosen
    for node in inside:
        parent = node.parent
        outer = parent.parent if parent is not None and parent.type == "expression_statement" else None
        # What stands behind the arrow of a switch is its value.
        unused = node.field == "update" or (outer is not None and outer.type != "switch_rule")
        name = next((child for child in node.children if child.type == "identifier"), None)
        sign = next((child.type for child in node.children if child.type in ("++", "--")), "")
        if not unused or name is None or not sign or type_of(source, unit, name) not in ("int", "long"):
            continue
        text = source.text(name)
        forms = [f"{text} = {text} {sign[0]} 1", f"{text} {sign[0]}= 1", f"{sign}{text}", f"{text}{sign}"]
        others = [form for form in forms if form != source.text(node)]
        return Edits([Edit(node.start, node.end, rng.choice(others))])
    return Refusal("no increment of a plain int as a statement")
