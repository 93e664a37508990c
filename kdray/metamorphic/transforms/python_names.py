"""Python transformations that rename. The target is renamed along.

Not covered: the test function itself (the runner finds it by its name), its parameters (fixtures are found by
theirs), attributes, modules, and any function in which somebody may look a variable up by its name (`locals`,
`eval`, pandas' `query`, ...).
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.python_scope import (
    PARAMETERS,
    Names,
    binder_of,
    names_of,
    renamable,
    scope_of,
)
from kdray.metamorphic.transforms.tree import Node, Source
from kdray.metamorphic.transforms.words import fresh

BY_NAME = "somebody may look variables up by name"


def _names(source: Source) -> Names | Refusal:
    names = names_of(source)
    if isinstance(names, str):
        return Refusal(names)
    return Refusal(BY_NAME) if names.sees_frames else names


def _rename(old: str, new: str, uses: list[Node]) -> Edits:
    return Edits([Edit(use.start, use.end, new) for use in uses], ((old, new),))


def rename_variable(source: Source, rng: random.Random) -> Edits | Refusal:
    """One local variable gets another name, wherever it stands."""
    names = _names(source)
    if isinstance(names, Refusal):
        return names
    candidates = [name for name in renamable(source, names) if not _shows_its_name(names.uses[name])]
    if not candidates:
        return Refusal("no local variable that is certainly only that")
    old = rng.choice(candidates)
    return _rename(old, fresh(rng, names.words), names.uses[old])


def _shows_its_name(uses: list[Node]) -> bool:
    """Whether a variable is printed by `f"{x=}"`."""
    return any(
        outer.type == "interpolation" and any(child.type == "=" for child in outer.children)
        for use in uses
        for outer in use.ancestors()
    )


def rename_function(source: Source, rng: random.Random) -> Edits | Refusal:
    """A nested helper function gets another name; only where it is called and no more."""
    names = _names(source)
    if isinstance(names, Refusal):
        return names
    candidates = [
        name
        for name, definitions in sorted(names.functions.items())
        if _is_only_called(names, name, definitions)
    ]
    if not candidates:
        return Refusal("no nested function that is only called")
    old = rng.choice(candidates)
    return _rename(old, fresh(rng, names.words), names.uses[old])


def _is_only_called(names: Names, name: str, definitions: list[Node]) -> bool:
    """Whether nobody can see a function's `__name__`: one definition, undecorated, all else calls."""
    if len(definitions) != 1 or name in names.elsewhere or name in names.bound:
        return False
    parent = definitions[0].parent
    if parent is None or parent.type == "decorated_definition":
        return False
    return all(
        use.field == "function" or (use.field == "name" and use.parent is definitions[0])
        for use in names.uses[name]
    )


def rename_parameter(source: Source, rng: random.Random) -> Edits | Refusal:
    """A parameter of a nested function gets another name; only where no call names it."""
    names = _names(source)
    if isinstance(names, Refusal):
        return names
    keywords = {source.text(node) for node in source.of("identifier") if _is_keyword(node)}
    splats = bool(source.of("dictionary_splat"))
    candidates = []
    for name, definitions in sorted(names.functions.items()):
        if not splats and _is_only_called(names, name, definitions):
            candidates += [
                (parameter, definitions[0])
                for parameter in _parameters(source, definitions[0])
                if parameter not in keywords and _is_own(names, parameter, definitions[0])
            ]
    if not candidates:
        return Refusal("no parameter of a nested function that no call names")
    old, function = rng.choice(candidates)
    uses = [use for use in names.uses[old] if function.start <= use.start < function.end]
    return _rename(old, fresh(rng, names.words), uses)


def _is_keyword(node: Node) -> bool:
    return node.field == "name" and node.parent is not None and node.parent.type == "keyword_argument"


def _parameters(source: Source, function: Node) -> list[str]:
    """Plain parameters: no defaults (they are evaluated outside), no stars."""
    parameters = function.child("parameters")
    return (
        [source.text(node) for node in parameters.children if node.type == "identifier"] if parameters else []
    )


def _is_own(names: Names, name: str, function: Node) -> bool:
    """Whether a name means the parameter everywhere within its function."""
    for use in names.uses[name]:
        if not function.start <= use.start < function.end:
            continue
        binder = binder_of(use)
        is_parameter = binder is not None and binder.type in PARAMETERS and binder.parent is function
        if not is_parameter and (binder is not None or scope_of(use) is not function):
            return False
    return True
