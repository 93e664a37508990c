"""Whether a call of a Python function certainly fits its parameters: else the error names them.

Not covered: parameters that are only given by position or only by name; calls with stars.
"""

from __future__ import annotations

from kdray.metamorphic.transforms.tree import Node, Source


def fits(source: Source, definition: Node, call: Node) -> bool:
    """Whether every parameter without a default gets one value, and no value has no parameter."""
    signature = _signature(source, definition)
    given = _given(source, call)
    if signature is None or given is None:
        return False
    parameters, takes_more, takes_any_name = signature
    position, keywords = given
    if position > len(parameters) and not takes_more:
        return False
    names = [name for name, _ in parameters]
    by_place = set(names[:position])
    if len(set(keywords)) != len(keywords) or by_place & set(keywords):
        return False
    if not takes_any_name and not set(keywords) <= set(names):
        return False
    return all(has_default or name in by_place or name in keywords for name, has_default in parameters)


def _signature(source: Source, definition: Node) -> tuple[list[tuple[str, bool]], bool, bool] | None:
    """Parameters, each with whether it has a default; whether `*more` and `**names` are taken."""
    parameters: list[tuple[str, bool]] = []
    takes_more = takes_any_name = False
    holder = definition.child("parameters")
    for child in holder.children if holder is not None else ():
        inner = child.children[0] if child.type == "typed_parameter" else child
        if inner.type == "identifier":
            parameters.append((source.text(inner), False))
        elif child.type in ("default_parameter", "typed_default_parameter"):
            parameters.append((source.text(child.children[0]), True))
        elif inner.type == "list_splat_pattern":
            takes_more = True
        elif inner.type == "dictionary_splat_pattern":
            takes_any_name = True
        elif child.type not in ("(", ")", ",", "comment"):
            return None
        if takes_more and inner.type == "identifier":
            return None  # only by name
    return parameters, takes_more, takes_any_name


def _given(source: Source, call: Node) -> tuple[int, list[str]] | None:
    """How many values a call gives by position, and the names of the others."""
    arguments = call.child("arguments")
    if arguments is None:
        return None
    if arguments.type == "generator_expression":
        return 1, []
    position, keywords = 0, []
    for child in arguments.children:
        if child.type in ("list_splat", "dictionary_splat"):
            return None
        if child.type == "keyword_argument":
            keywords.append(source.text(child.children[0]))
        elif child.type not in ("(", ")", ",", "comment"):
            position += 1
    return position, keywords
