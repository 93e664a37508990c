"""Java and C transformations that rename. The target is renamed along.

Not covered: fields, types, labels; reflection, and C code that pastes names together.
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.curly import Unit
from kdray.metamorphic.transforms.curly_blocks import is_shown
from kdray.metamorphic.transforms.dialects import unit_of
from kdray.metamorphic.transforms.tree import Node, Source
from kdray.metamorphic.transforms.words import fresh

KNOWN_BY_NAME = ("test", "main", "setUp", "tearDown", "before", "after")
"""How methods begin that a runner finds by their names."""


def _rename(unit: Unit, rng: random.Random, parameters: bool, reason: str) -> Edits | Refusal:
    candidates = _candidates(unit, parameters, reason)
    if isinstance(candidates, Refusal):
        return candidates
    old = rng.choice(sorted(candidates))
    return _edits(old, fresh(rng, unit.words, unit.dialect.style, unit.dialect.words), unit.uses[old])


def _edits(old: str, new: str, uses: list[Node]) -> Edits:
    return Edits([Edit(use.start, use.end, new) for use in uses], ((old, new),))


def _candidates(unit: Unit, parameters: bool, reason: str) -> list[str] | Refusal:
    """Variables, or parameters, that are certainly only that and that no macro sees; why there are none."""
    plain = [
        name
        for name, declarations in unit.declarations.items()
        if any(declaration.is_parameter for declaration in declarations) == parameters and unit.is_plain(name)
    ]
    unseen = [
        name
        for name in plain
        if unit.is_hidden(name) and not any(is_shown(unit, use) for use in unit.uses[name])
    ]
    if not unseen:
        return Refusal("what may be a macro may mention each of them" if plain else reason)
    return unseen


def rename_variable(source: Source, rng: random.Random) -> Edits | Refusal:
    """One local variable gets another name, wherever it stands."""
    unit = unit_of(source)
    if isinstance(unit, str):
        return Refusal(unit)
    return _rename(unit, rng, parameters=False, reason="no local variable that is certainly only that")


def rename_parameter(source: Source, rng: random.Random) -> Edits | Refusal:
    """One parameter gets another name; arguments are passed by place, so no caller sees it."""
    unit = unit_of(source)
    if isinstance(unit, str):
        return Refusal(unit)
    return _rename(unit, rng, parameters=True, reason="no parameter that is certainly only that")


def rename_function(source: Source, rng: random.Random) -> Edits | Refusal:
    """The function itself gets another name, with the calls of itself. Not one that is found by its name."""
    unit = unit_of(source)
    if isinstance(unit, str):
        return Refusal(unit)
    name = _own_name(unit)
    if name is None or (unit.function.type != "method_declaration" and source.language == "java"):
        return Refusal("has no name of its own")
    old = source.text(name)
    if old.startswith(KNOWN_BY_NAME) or source.boundary < source.end:
        return Refusal("is found by its name")
    if unit.has_stranger(unit.body) or not unit.words.isdisjoint(
        ("__func__", "__FUNCTION__", "__PRETTY_FUNCTION__")
    ):
        return Refusal("a macro may show its name")
    if any(node.type in ("marker_annotation", "annotation") for node in unit.function.walk()):
        return Refusal("an annotation may stand for a contract with its name")
    uses = [node for node in source.of("identifier") if source.text(node) == old]
    # In Java what looks like a call of itself may be one of another method of that name.
    if not all(node is name or (source.language == "c" and _calls_itself(node)) for node in uses):
        return Refusal("its name is mentioned otherwise than in a call of itself")
    return _edits(old, fresh(rng, unit.words, unit.dialect.style, unit.dialect.words), uses)


def _own_name(unit: Unit) -> Node | None:
    name = unit.function.child("name")
    declarator = unit.function.child("declarator")
    while name is None and declarator is not None:
        name = declarator if declarator.type == "identifier" else None
        declarator = declarator.child("declarator")
    return name


def _calls_itself(node: Node) -> bool:
    """Whether an identifier is what is called."""
    return node.parent is not None and node.parent.type == "call_expression" and node.field == "function"
