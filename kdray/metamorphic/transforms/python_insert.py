"""Python transformations that add what changes nothing: comments, space, code that does nothing."""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.python_blocks import (
    chosen_statements,
    deeper,
    has_long_string,
    indent_lines,
    indentation,
    insert_before,
    last_end,
)
from kdray.metamorphic.transforms.tree import Source
from kdray.metamorphic.transforms.words import COMMENTS, fresh


def comments(source: Source, rng: random.Random) -> Edits | Refusal:
    """Comments before some statements."""
    chosen = chosen_statements(source, rng, names_stay=True)
    if isinstance(chosen, Refusal):
        return chosen
    if not chosen[1]:
        return Refusal("no statement before the target")
    places = chosen[1][: rng.randint(1, 3)]
    return Edits([insert_before(source, node, f"# {rng.choice(COMMENTS)}") for node in places])


def layout(source: Source, rng: random.Random) -> Edits | Refusal:
    """Empty lines between statements and wider space around signs."""
    chosen = chosen_statements(source, rng, names_stay=True)
    if isinstance(chosen, Refusal):
        return chosen
    signs = [
        node
        for node in source.nodes
        if node.type in ("=", "+", "-", "*", "==", "+=")
        and node.end < source.boundary
        and node.parent is not None
        and node.parent.type
        in ("assignment", "binary_operator", "comparison_operator", "augmented_assignment")
        and not any(outer.type == "string" for outer in node.ancestors())
    ]
    edits = [
        Edit(place, place, "\n")
        for place in (source.line_start(node.start) for node in chosen[1][: rng.randint(1, 3)])
    ]
    for sign in rng.sample(signs, min(len(signs), 4)):
        edits += [Edit(sign.start, sign.start, " "), Edit(sign.end, sign.end, " ")]
    return Edits(edits) if edits else Refusal("no statement before the target")


def dead_code(source: Source, rng: random.Random) -> Edits | Refusal:
    """A branch that is never taken."""
    chosen = chosen_statements(source, rng)
    if isinstance(chosen, Refusal) or not chosen[1]:
        return chosen if isinstance(chosen, Refusal) else Refusal("no statement before the target")
    name = fresh(rng, chosen[0].words)
    step = deeper("")
    body = f"{step}{name} = {rng.randrange(100)}"
    head = rng.choice(["if False:", "while False:"])
    return Edits([insert_before(source, chosen[1][0], head, body)])


def unused_variable(source: Source, rng: random.Random) -> Edits | Refusal:
    """A variable that nobody reads."""
    chosen = chosen_statements(source, rng)
    if isinstance(chosen, Refusal) or not chosen[1]:
        return chosen if isinstance(chosen, Refusal) else Refusal("no statement before the target")
    value = rng.choice([str(rng.randrange(100)), "None", "''", "True"])
    return Edits([insert_before(source, chosen[1][0], f"{fresh(rng, chosen[0].words)} = {value}")])


def if_true(source: Source, rng: random.Random) -> Edits | Refusal:
    """`if True:` around a statement."""
    chosen = chosen_statements(source, rng, names_stay=True)
    if isinstance(chosen, Refusal):
        return chosen
    for node in chosen[1]:
        if node.type in ("global_statement", "nonlocal_statement") or has_long_string(node):
            continue
        head = insert_before(source, node, "if True:")
        step = deeper(indentation(source, node))[len(indentation(source, node)) :]
        return Edits([head, *indent_lines(source, node.start, last_end(node), step)])
    return Refusal("no statement that can be indented")
