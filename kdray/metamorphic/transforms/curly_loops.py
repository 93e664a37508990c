"""Java and C: a `for` loop as a `while` loop, and back.

Java's compiler refuses unreachable code, and decides by fixed rules what it is: what would fall foul of them is
left alone.

Not covered: labelled loops, `do` loops.
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.curly import Unit
from kdray.metamorphic.transforms.curly_blocks import (
    as_block,
    binds_pattern,
    chosen_statements,
    has_labelled_jump,
    holds_foreign_case,
    indentation,
    own_jumps,
)
from kdray.metamorphic.transforms.tree import Node, Source


def for_to_while(source: Source, rng: random.Random) -> Edits | Refusal:
    """`for (a; b; c) d` becomes `{ a; while (b) { d c; } }`."""
    chosen = chosen_statements(source, rng, "for_statement")
    if isinstance(chosen, Refusal):
        return chosen
    unit, loops = chosen
    for node in loops:
        body = node.child("body")
        if body is None or own_jumps(body, "continue_statement") or has_labelled_jump(body):
            continue
        if unit.has_stranger(body) or holds_foreign_case(node):
            continue  # a macro may hide a continue
        if any(binds_pattern(child) for child in node.children if child is not body):
            continue
        if source.language == "java" and not _falls_through(body):
            continue  # what follows a jump cannot be reached
        first, condition, updates = _heads(source, unit, node)
        step = indentation(source, node)
        tail = " ".join(f"{update};" for update in updates)
        inner = as_block(source, unit, body)
        text = f"{{ {first}\n{step}while ({condition}) {{ {inner}\n{step}{tail} }}\n{step}}}"
        return Edits([Edit(node.start, node.end, text)])
    return Refusal("no for loop that keeps its meaning as a while loop")


def _heads(source: Source, unit: Unit, node: Node) -> tuple[str, str, list[str]]:
    """What a for loop does first, its condition, and what it does after each round."""
    first = [source.text(child) for child in node.children if child.field in ("init", "initializer")]
    begin = ", ".join(text.rstrip(";").rstrip() for text in first)
    if len(first) > 1:
        begin = "; ".join(first)
    condition = node.child("condition")
    updates = [source.text(child) for child in node.children if child.field == "update"]
    return f"{begin};" if begin else "", source.text(condition) if condition else unit.dialect.true, updates


def _falls_through(body: Node) -> bool:
    """Whether the end of a statement certainly can be reached by Java's rules."""
    children = [
        child for child in body.children if child.type not in ("{", "}", "line_comment", "block_comment")
    ]
    last = children[-1] if body.type == "block" and children else body
    plain = ("expression_statement", "local_variable_declaration", "enhanced_for_statement", "block")
    if last.type in plain and (last.type != "block" or last is body):
        return True
    return last.type == "if_statement" and last.child("alternative") is None


def while_to_for(source: Source, rng: random.Random) -> Edits | Refusal:
    """`while (a) b` becomes `for (; a; ) b`."""
    chosen = chosen_statements(source, rng, "while_statement")
    if isinstance(chosen, Refusal):
        return chosen
    for node in chosen[1]:
        condition = node.child("condition")
        if condition is not None and condition.type == "parenthesized_expression":
            if binds_pattern(condition) or holds_foreign_case(node):
                continue
            inner = source.data[condition.start + 1 : condition.end - 1].decode()
            return Edits([Edit(node.start, condition.end, f"for (; {inner}; )")])
    return Refusal("no while loop")
