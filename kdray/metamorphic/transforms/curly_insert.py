"""Java and C transformations that add what changes nothing.

Not covered: Java's constructors that begin with a call of another (nothing may stand before it).
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.c_dialect import SCALARS
from kdray.metamorphic.transforms.curly import Unit
from kdray.metamorphic.transforms.curly_blocks import (
    has_directive,
    indentation,
    insert_before,
    is_labelled,
    is_shown,
    statements,
    takes_statement,
)
from kdray.metamorphic.transforms.curly_types import NUMBERS, is_quiet
from kdray.metamorphic.transforms.dialects import unit_of
from kdray.metamorphic.transforms.tree import Node, Source
from kdray.metamorphic.transforms.words import COMMENTS, fresh

UNBOXED = NUMBERS | {"boolean", "String"}
NONE_HERE = Refusal("no statement before the target")


def _chosen(source: Source, rng: random.Random) -> tuple[Unit, list[Node]] | Refusal:
    unit = unit_of(source)
    if isinstance(unit, str):
        return Refusal(unit)
    inside = list(statements(source, unit))
    rng.shuffle(inside)
    return (unit, inside) if inside else NONE_HERE


def comments(source: Source, rng: random.Random) -> Edits | Refusal:
    """Comments before some statements."""
    chosen = _chosen(source, rng)
    if isinstance(chosen, Refusal):
        return chosen
    places = chosen[1][: rng.randint(1, 3)]
    return Edits([insert_before(source, node, f"/* {rng.choice(COMMENTS)} */") for node in places])


def layout(source: Source, rng: random.Random) -> Edits | Refusal:
    """Empty lines between statements and wider space around signs."""
    chosen = _chosen(source, rng)
    if isinstance(chosen, Refusal):
        return chosen
    parents = ("assignment_expression", "binary_expression", "init_declarator", "variable_declarator")
    signs = [
        node
        for node in source.nodes
        if node.type in ("=", "+", "-", "*", "==", "+=", "<")
        and chosen[0].body.start < node.start
        and node.end < source.boundary
        and node.parent is not None
        and node.parent.type in parents
        and not is_shown(chosen[0], node)
    ]
    edits = [insert_before(source, node, "") for node in chosen[1][: rng.randint(1, 3)]]
    for sign in rng.sample(signs, min(len(signs), 4)):
        edits += [Edit(sign.start, sign.start, " "), Edit(sign.end, sign.end, " ")]
    return Edits(edits)


def dead_code(source: Source, rng: random.Random) -> Edits | Refusal:
    """A branch that is never taken."""
    chosen = _chosen(source, rng)
    if isinstance(chosen, Refusal):
        return chosen
    unit = chosen[0]
    return _before_some(source, chosen[1], unit, f"if ({unit.dialect.false}) {_unread(unit, rng)}")


def _before_some(source: Source, inside: list[Node], unit: Unit, text: str) -> Edits | Refusal:
    place = next((node for node in inside if takes_statement(unit, node)), None)
    return NONE_HERE if place is None else Edits([insert_before(source, place, text)])


def _unread(unit: Unit, rng: random.Random) -> str:
    """A block with a variable that nobody reads; in C it is mentioned, for a compiler may be told to complain."""
    name = fresh(rng, unit.words, unit.dialect.style, unit.dialect.words)
    mention = f" (void) {name};" if unit.dialect.block == "compound_statement" else ""
    return f"{{ int {name} = {rng.randrange(100)};{mention} }}"


def unused_variable(source: Source, rng: random.Random) -> Edits | Refusal:
    """A variable that nobody reads."""
    chosen = _chosen(source, rng)
    if isinstance(chosen, Refusal):
        return chosen
    text = _unread(chosen[0], rng)
    # In C it gets a block of its own, where no macro sees it.
    if source.language == "java":
        text = text.removeprefix("{ ").removesuffix(" }")
    return _before_some(source, chosen[1], chosen[0], text)


def if_true(source: Source, rng: random.Random) -> Edits | Refusal:
    """`if (true) { ... }` around a statement that neither declares nor leaves."""
    chosen = _chosen(source, rng)
    if isinstance(chosen, Refusal):
        return chosen
    unit, inside = chosen
    for node in inside:
        if node.type not in ("expression_statement", "enhanced_for_statement") or has_directive(node):
            continue
        # In C a macro may declare something, and a compound literal lives as long as its block.
        if not unit.has_stranger(node) and not any(
            n.type == "compound_literal_expression" for n in node.walk()
        ):
            step = indentation(source, node)
            text = f"if ({unit.dialect.true}) {{ {source.text(node)}\n{step}}}"
            return Edits([Edit(node.start, node.end, text)])
    return Refusal("no statement that can be wrapped")


def permute(source: Source, rng: random.Random) -> Edits | Refusal:
    """Two neighbouring declarations that have nothing to do with each other change places."""
    chosen = _chosen(source, rng)
    if isinstance(chosen, Refusal):
        return chosen
    unit, inside = chosen
    known = {id(node): _quiet_declaration(source, unit, node) for node in inside if not is_labelled(node)}
    for first in inside:
        second = _next(first)
        a, b = known.get(id(first)), known.get(id(second)) if second is not None else None
        if second is None or a is None or b is None or a[0] in b[1] or b[0] in a[1] or a[0] == b[0]:
            continue
        texts = source.text(first), source.text(second)
        return Edits([Edit(first.start, first.end, texts[1]), Edit(second.start, second.end, texts[0])])
    return Refusal("no two neighbouring declarations that are certainly independent")


def _next(node: Node) -> Node | None:
    siblings = node.parent.children if node.parent is not None else []
    at = _index(siblings, node)
    return siblings[at + 1] if at + 1 < len(siblings) else None


def _index(siblings: list[Node], node: Node) -> int:
    """The place of a node among its siblings, which stand in the order of the text."""
    low, high = 0, len(siblings)
    while low < high:
        middle = (low + high) // 2
        if siblings[middle].start < node.start:
            low = middle + 1
        else:
            high = middle
    return low


def _quiet_declaration(source: Source, unit: Unit, node: Node) -> tuple[str, set[str]] | None:
    """The name that a declaration of one variable by a quiet value declares, and the names it reads."""
    if node.type != unit.dialect.declaration:
        return None
    declarators = [child for child in node.children if child.field == "declarator"]
    if len(declarators) != 1 or any(child.type == "attribute_specifier" for child in node.walk()):
        return None
    name = declarators[0].child("name") or declarators[0].child("declarator")
    value = declarators[0].child("value")
    if name is None or name.type != "identifier" or value is None or not is_quiet(source, unit, value):
        return None
    reads = {source.text(inner) for inner in value.walk() if inner.type == "identifier"}
    if source.language == "c" and unit.written_type(source.text(name)) not in SCALARS:
        return None  # a macro may stand for a type
    if source.language == "java" and not {unit.type_of_name(read) for read in reads} <= UNBOXED:
        return None  # what is unboxed may be null
    return (source.text(name), reads) if unit.is_plain(source.text(name)) else None
