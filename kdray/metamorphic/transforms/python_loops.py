"""Python: a `for` loop as a `while` loop."""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.python_binding import scope_of
from kdray.metamorphic.transforms.python_blocks import (
    chosen_statements,
    deeper,
    has_long_string,
    indent_lines,
    indentation,
    is_indented_block,
    last_end,
)
from kdray.metamorphic.transforms.python_flow import is_inert
from kdray.metamorphic.transforms.python_scope import Names
from kdray.metamorphic.transforms.python_types import is_quiet, is_range, type_of
from kdray.metamorphic.transforms.tree import Node, Source
from kdray.metamorphic.transforms.words import fresh


def for_to_while(source: Source, rng: random.Random) -> Edits | Refusal:
    """`for` becomes `while`: over a counter where that is certainly the same, else over the iterator."""
    chosen = chosen_statements(source, rng, ("for_statement",))
    if isinstance(chosen, Refusal):
        return chosen
    names, loops = chosen
    for node in loops:
        body, left, right = node.child("body"), node.child("left"), node.child("right")
        if body is None or left is None or right is None or node.children[0].type == "async":
            continue
        if (
            node.child("alternative") is not None
            or not is_indented_block(source, body)
            or right.type == "expression_list"
        ):
            continue
        counted = _counted_loop(source, names, node, left, right, body)
        if counted is not None:
            return counted
        if not all(names.is_builtin(name) for name in ("iter", "next", "StopIteration")) or _leaves(body):
            continue
        if not _takes_what_comes(source, names, left, right):
            continue
        if is_inert(right) or is_range(source, names, right):
            return Edits([_iterated_head(source, node, left, right, body, fresh(rng, names.words), "")])
        if not has_long_string(body):
            return _freed_loop(source, node, left, right, body, fresh(rng, names.words))
    return Refusal("no for loop that keeps its meaning as a while loop")


def _leaves(body: Node) -> bool:
    """Whether a loop may be left early."""
    return any(
        node.type in ("break_statement", "return_statement", "yield", "raise_statement")
        for node in body.walk()
    )


def _takes_what_comes(source: Source, names: Names, left: Node, right: Node) -> bool:
    """Whether binding the target certainly raises no StopIteration, which would look like the end of the loop."""
    if left.type == "identifier":
        return True
    function = right.child("function") if right.type == "call" else None
    plain = left.type in ("pattern_list", "tuple_pattern") and all(
        child.type in ("identifier", ",", "(", ")") for child in left.children
    )
    if not plain or function is None:
        return False
    text = source.text(function)
    makes_tuples = text in ("enumerate", "zip") and names.is_builtin(text)
    return makes_tuples or (function.type == "attribute" and text.endswith(".items"))


def _iterated_head(
    source: Source, node: Node, left: Node, right: Node, body: Node, name: str, step: str
) -> Edit:
    """What stands for a loop's head: the iterator is asked until it has no more."""
    indent = indentation(source, node)
    start = source.line_start(body.children[0].start)
    inner = source.data[start : body.children[0].start].decode() + step
    lines = [
        f"{name} = iter({source.text(right)})",
        *([f"{indent}try:"] if step else []),
        f"{indent}{step}while True:",
        f"{inner}try:",
        f"{deeper(inner)}{source.text(left)} = next({name})",
        f"{inner}except StopIteration:",
        f"{deeper(inner)}break",
    ]
    return Edit(node.start, start, "\n".join(lines) + "\n")


def _freed_loop(source: Source, node: Node, left: Node, right: Node, body: Node, name: str) -> Edits:
    """A loop whose iterator lives no longer than a `for` keeps it: it may hold what is to be closed."""
    indent = indentation(source, node)
    step = deeper(indent)[len(indent) :]
    start, end = source.line_start(body.children[0].start), last_end(body)
    head = _iterated_head(source, node, left, right, body, name, step)
    tail = Edit(end, end, f"\n{indent}finally:\n{indent}{step}del {name}")
    return Edits([head, *indent_lines(source, start, end, step), tail])


def _counted_loop(
    source: Source, names: Names, node: Node, left: Node, right: Node, body: Node
) -> Edits | None:
    """`for i in range(n)` as `i = 0; while i < n: ...; i += 1`; None where somebody could tell."""
    arguments = right.child("arguments")
    if left.type != "identifier" or arguments is None or not is_range(source, names, right):
        return None
    name = source.text(left)
    values = [child for child in arguments.children if child.type not in ("(", ")", ",")]
    if not 1 <= len(values) <= 2 or any(
        type_of(source, names, value) != "int" or not is_quiet(value) for value in values
    ):
        return None
    # The counter passes the last value once more than range does: nobody may look at it outside, or later.
    uses = names.uses[name]
    inside = [use for use in uses if node.start <= use.start < node.end]
    if len(inside) != len(uses) or any(scope_of(use) is not names.function for use in inside):
        return None
    written = {
        source.text(n) for bound in names.bound.values() for n in bound if body.start <= n.start < body.end
    }
    if name in names.elsewhere or name in names.functions or name in names.parameter_names:
        return None
    if written & {name, *(source.text(value) for value in values)}:
        return None
    if any(inner.type in ("continue_statement", "delete_statement", "yield") for inner in body.walk()):
        return None
    begin, end = ("0", source.text(values[0])) if len(values) == 1 else (source.text(v) for v in values)
    start = source.line_start(body.children[0].start)
    inner_indent = source.data[start : body.children[0].start].decode()
    head = f"{name} = {begin}\n{indentation(source, node)}while {name} < {end}:\n"
    return Edits(
        [Edit(node.start, start, head), Edit(last_end(body), last_end(body), f"\n{inner_indent}{name} += 1")]
    )
