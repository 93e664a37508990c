"""The Java and C transformation of `switch`.

Not covered: `switch` on strings and enumerations.
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.curly_blocks import (
    ARMS,
    JUMPS,
    SWITCHES,
    chosen_statements,
    indentation,
    own_jumps,
    statements,
)
from kdray.metamorphic.transforms.curly_types import literal_type, type_of
from kdray.metamorphic.transforms.tree import Node, Source

COMMENTS = ("comment", "line_comment", "block_comment")


def switch_to_if(source: Source, rng: random.Random) -> Edits | Refusal:
    """`switch` on a plain int becomes a chain of ifs, where no case falls into the next."""
    chosen = chosen_statements(source, rng, "switch_expression", "switch_statement")
    if isinstance(chosen, Refusal):
        return chosen
    unit, choices = chosen
    known = {id(node) for node in statements(source, unit)}
    for node in choices:
        selector, body = node.child("condition"), node.child("body")
        if (
            id(node) not in known
            or selector is None
            or body is None
            or selector.type != "parenthesized_expression"
        ):
            continue
        if (
            type_of(source, unit, selector) not in ("int", "char", "short", "byte")
            or len(selector.children) != 3
        ):
            continue
        if selector.children[1].type != "identifier":
            continue
        arms = _arms(source, body)
        # In C a macro may hide a break, which would leave something else.
        if arms is None or not _is_flat(node, body) or any(unit.has_stranger(n) for n in _code(body)):
            continue
        return Edits(
            [Edit(node.start, node.end, _chain(source, node, source.text(selector.children[1]), arms))]
        )
    return Refusal("no switch on a plain int whose cases end in a jump")


def _chain(source: Source, node: Node, name: str, arms: list[tuple[list[str], str]]) -> str:
    step = indentation(source, node)
    pieces = []
    for labels, text in arms:
        test = " || ".join(f"{name} == {label}" for label in labels)
        head = f"if ({test}) " if labels else ""
        pieces.append(f"{head}{{ {text}\n{step}}}")
    return " else ".join(pieces)


def _arms(source: Source, body: Node) -> list[tuple[list[str], str]] | None:
    """Labels (none for the default) and code of each case; None where the cases are not independent."""
    arms: list[tuple[list[str], str]] = []
    labels: list[str] = []
    has_default = False
    groups = [child for child in body.children if child.type in ARMS]
    if len(groups) != len([c for c in body.children if c.type not in ("{", "}", *COMMENTS)]):
        return None
    for number, group in enumerate(groups):
        constants, inside = _labels(source, group)
        if constants is None or has_default:
            return None  # a default that is not the last
        labels += constants
        has_default = not constants
        if not inside:
            if has_default or number == len(groups) - 1:
                return None
            continue
        text = _arm_text(source, inside, last=number == len(groups) - 1)
        if text is None or (has_default and labels):
            return None
        arms.append((labels, text))
        labels = []
    return arms if arms and arms[0][0] else None


def _labels(source: Source, group: Node) -> tuple[list[str] | None, list[Node]]:
    """The constants of a case ([] for the default, None for what is no plain constant) and its statements."""
    if group.type == "case_statement":
        value = group.child("value")
        inside = [
            c for c in group.children if c is not value and c.type not in ("case", "default", ":", *COMMENTS)
        ]
        if group.children[0].type == "default":
            return [], inside
        constant = _c_label(source, value) if value is not None else None
        return ([constant] if constant is not None else None), inside
    constants: list[str] = []
    is_default = False
    for label in (child for child in group.children if child.type == "switch_label"):
        values = [c for c in label.children if c.type not in ("case", ",")]
        is_default = is_default or label.children[0].type == "default"
        if label.children[0].type == "case":
            if not all(v.type == "character_literal" or literal_type(source, v) == "int" for v in values):
                return None, []
            constants += [source.text(value) for value in values]
    inside = [c for c in group.children if c.type not in ("switch_label", ":", *COMMENTS)]
    return (None if is_default and constants else constants), inside


def _c_label(source: Source, value: Node) -> str | None:
    """A case's constant as it is compared: a switch converts it to the type of what is switched on."""
    if value.type == "char_literal" or literal_type(source, value) == "int":
        return source.text(value)
    return f"(int) ({source.text(value)})" if value.type == "identifier" else None


def _is_flat(node: Node, body: Node) -> bool:
    """Whether all cases of a switch stand directly in it, unlike in Duff's device."""
    return all(
        arm.parent is body or next(outer for outer in arm.ancestors() if outer.type in SWITCHES) is not node
        for arm in body.walk()
        if arm.type in ARMS
    )


def _code(body: Node) -> list[Node]:
    """The statements of all cases."""
    return [
        child
        for arm in body.children
        if arm.type in ARMS
        for child in arm.children
        if child.field != "value" and child.type != "switch_label"
    ]


def _arm_text(source: Source, inside: list[Node], last: bool) -> str | None:
    """The code of a case without its closing break; None where it falls through or breaks elsewhere."""
    if len(inside) == 1 and inside[0].type in ("block", "compound_statement"):
        inside = [child for child in inside[0].children if child.type not in ("{", "}", *COMMENTS)]
        is_own_block = True
    else:
        is_own_block = False
    if not inside or (inside[-1].type not in JUMPS and not last):
        return None
    kept = inside[:-1] if inside[-1].type == "break_statement" and len(inside[-1].children) == 2 else inside
    if any(own_jumps(node, "break_statement") for node in kept):
        return None
    if not is_own_block and any(node.type.endswith("declaration") for node in kept):
        return None  # its scope is the whole switch
    begin, end = inside[0].start, kept[-1].end if kept else inside[0].start
    return source.data[begin:end].decode()
