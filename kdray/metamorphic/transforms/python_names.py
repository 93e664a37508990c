"""Python transformations that rename. The target is renamed along.

Not covered: the test function itself (the runner finds it by its name), its parameters (fixtures are found by
theirs), attributes, modules, and any function in which somebody may look a variable up by its name (`locals`,
`eval`, pandas' `query`, ...).
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.python_binding import PARAMETERS, binder_of, scope_of
from kdray.metamorphic.transforms.python_blocks import names_unseen
from kdray.metamorphic.transforms.python_calls import fits
from kdray.metamorphic.transforms.python_scope import Names, renamable, unbound
from kdray.metamorphic.transforms.tree import Node, Source
from kdray.metamorphic.transforms.words import fresh

NAMED_AFTER = frozenset(
    {"function_definition", "class_definition", "lambda", "generator_expression", "yield", "async"}
)
"""What in a function carries the function's name, and may carry it out."""


def _rename(old: str, new: str, uses: list[Node]) -> Edits:
    return Edits([Edit(use.start, use.end, new) for use in uses], ((old, new),))


def rename_variable(source: Source, rng: random.Random) -> Edits | Refusal:
    """One local variable gets another name, wherever it stands."""
    names = names_unseen(source)
    if isinstance(names, Refusal):
        return names
    candidates = renamable(source, names)
    if not candidates:
        return Refusal("no local variable that is certainly only that")
    old = rng.choice(candidates)
    return _rename(old, fresh(rng, names.words), names.uses[old])


def rename_function(source: Source, rng: random.Random) -> Edits | Refusal:
    """A nested helper function gets another name; only where it is called and no more."""
    names = names_unseen(source)
    if isinstance(names, Refusal):
        return names
    candidates = [
        name
        for name, definitions in sorted(names.functions.items())
        if _is_only_called(source, names, name, definitions) and _keeps_its_name(definitions[0])
    ]
    if not candidates:
        return Refusal("no nested function that is only called")
    old = rng.choice(candidates)
    return _rename(old, fresh(rng, names.words), names.uses[old])


def _is_only_called(source: Source, names: Names, name: str, definitions: list[Node]) -> bool:
    """Whether a function has one undecorated definition, and all else are calls that certainly fit it.

    A call that does not fit, or one before the definition, raises what tells the function's name.
    """
    hidden = (
        names.elsewhere | names.bound.keys() | names.parameter_names | names.shown | unbound(source, names)
    )
    if len(definitions) != 1 or name in hidden or name.startswith("__"):
        return False
    definition = definitions[0]
    if definition.parent is None or definition.parent.type == "decorated_definition":
        return False
    uses = [use for use in names.uses[name] if use.parent is not definition]
    return all(
        use.field == "function" and use.parent is not None and fits(source, definition, use.parent)
        for use in uses
    )


def _keeps_its_name(definition: Node) -> bool:
    """Whether nothing that is made in a function has a `__qualname__` with the function's name in it."""
    return not any(inner.type in NAMED_AFTER for child in definition.children for inner in child.walk())


def rename_parameter(source: Source, rng: random.Random) -> Edits | Refusal:
    """A parameter of a nested function gets another name; only where no call names it."""
    names = names_unseen(source)
    if isinstance(names, Refusal):
        return names
    keywords = {source.text(node) for node in source.of("identifier") if _is_keyword(node)}
    splats = bool(source.of("dictionary_splat"))
    candidates = []
    for name, definitions in sorted(names.functions.items()):
        if not splats and _is_only_called(source, names, name, definitions):
            candidates += [
                (parameter, definitions[0])
                for parameter in _parameters(source, definitions[0])
                if parameter not in keywords | names.shown
                and not parameter.startswith("__")
                and _is_own(names, parameter, definitions[0])
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
        if use.parent is not None and any(outer.type == "delete_statement" for outer in use.ancestors()):
            return False
    return True
