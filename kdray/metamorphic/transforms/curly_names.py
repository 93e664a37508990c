"""Java and C transformations that rename. The target is renamed along.

Not covered: fields, types, labels; reflection, and C code that pastes names together.
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.curly import Unit
from kdray.metamorphic.transforms.curly_blocks import is_shown
from kdray.metamorphic.transforms.dialects import unit
from kdray.metamorphic.transforms.tree import Node, Source
from kdray.metamorphic.transforms.words import fresh

KNOWN_BY_NAME = ("test", "main", "setUp", "tearDown", "before", "after")
"""How methods begin that a runner finds by their names."""


def _rename(found: Unit, rng: random.Random, candidates: list[str], reason: str) -> Edits | Refusal:
    if not candidates:
        return Refusal(reason)
    old = rng.choice(sorted(candidates))
    return _edits(old, fresh(rng, found.words, found.dialect.style, found.dialect.words), found.uses[old])


def _edits(old: str, new: str, uses: list[Node]) -> Edits:
    return Edits([Edit(use.start, use.end, new) for use in uses], ((old, new),))


def _plain(found: Unit, parameters: bool) -> list[str]:
    return [
        name
        for name, declarations in found.declarations.items()
        if any(declaration.is_parameter for declaration in declarations) == parameters
        and found.is_hidden(name)
        and not any(is_shown(found, use) for use in found.uses[name])
    ]


def rename_variable(source: Source, rng: random.Random) -> Edits | Refusal:
    """One local variable gets another name, wherever it stands."""
    found = unit(source)
    if isinstance(found, str):
        return Refusal(found)
    return _rename(
        found, rng, _plain(found, parameters=False), "no local variable that is certainly only that"
    )


def rename_parameter(source: Source, rng: random.Random) -> Edits | Refusal:
    """One parameter gets another name; arguments are passed by place, so no caller sees it."""
    found = unit(source)
    if isinstance(found, str):
        return Refusal(found)
    return _rename(found, rng, _plain(found, parameters=True), "no parameter that is certainly only that")


def rename_function(source: Source, rng: random.Random) -> Edits | Refusal:
    """The function itself gets another name, with the calls of itself. Not one that is found by its name."""
    found = unit(source)
    if isinstance(found, str):
        return Refusal(found)
    name = _own_name(found)
    if name is None or (found.function.type != "method_declaration" and source.language == "java"):
        return Refusal("has no name of its own")
    old = source.text(name)
    if old.startswith(KNOWN_BY_NAME) or source.boundary < source.end:
        return Refusal("is found by its name")
    if found.has_stranger(found.body) or not found.words.isdisjoint(
        ("__func__", "__FUNCTION__", "__PRETTY_FUNCTION__")
    ):
        return Refusal("a macro may show its name")
    if any(node.type in ("marker_annotation", "annotation") for node in found.function.walk()):
        return Refusal("an annotation may stand for a contract with its name")
    uses = [node for node in source.of("identifier") if source.text(node) == old]
    # In Java what looks like a call of itself may be one of another method of that name.
    if not all(node is name or (source.language == "c" and _calls_itself(node)) for node in uses):
        return Refusal("its name is mentioned otherwise than in a call of itself")
    return _edits(old, fresh(rng, found.words, found.dialect.style, found.dialect.words), uses)


def _own_name(found: Unit) -> Node | None:
    name = found.function.child("name")
    declarator = found.function.child("declarator")
    while name is None and declarator is not None:
        name = declarator if declarator.type == "identifier" else None
        declarator = declarator.child("declarator")
    return name


def _calls_itself(node: Node) -> bool:
    """Whether an identifier is what is called."""
    return node.parent is not None and node.parent.type == "call_expression" and node.field == "function"
