"""What the classes of a Java project declare: their methods and what they inherit from, as their sources say.

Types are simple names without packages and type arguments (`List`, `int[]`); "" is one that is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from kdray.corpus.java_tree import members, name_of, text

_SUPERS = ("superclass", "super_interfaces", "extends_interfaces")
_NO_NAMES = ("type_arguments", "marker_annotation", "annotation", "modifiers", "variable_declarator")


class Method(NamedTuple):
    """A method of a class.

    Attributes:
        holder: the simple name of the class that declares it.
        source: its text.
        parameters: their types.
        returns: its type, "" for a constructor.
        variable: whether the last parameter takes any number of arguments.
        makes: whether it is a constructor or a static method that returns its class.
        type_names: its type parameters and those of its class.
    """

    holder: str
    source: str
    parameters: tuple[str, ...]
    returns: str
    variable: bool
    makes: bool
    type_names: frozenset[str]


class Class(NamedTuple):
    """What a class declares itself, and the simple names of its supertypes."""

    methods: Mapping[str, Sequence[Method]]
    supers: tuple[str, ...]


Classes = Callable[[str], "Class | None"]
"""A class of the project by its simple name."""


def methods_named(name: str, of: str, classes: Classes) -> list[Method]:
    """The methods of that name of a class: its own, and those that it inherits and does not override."""
    seen, todo, methods = set[str](), [of], dict[tuple[str, ...], Method]()
    while todo:
        name_of_class = todo.pop(0)
        java_class = classes(name_of_class)
        seen.add(name_of_class)
        for method in java_class.methods.get(name, ()) if java_class else ():
            methods.setdefault(method.parameters, method)
        todo += [parent for parent in (java_class.supers if java_class else ()) if parent not in seen]
    return list(methods.values())


def type_name(node: Any) -> str:
    """A type without package and arguments."""
    if node is None:
        return ""
    if node.type == "array_type":
        dimensions = text(node.child_by_field_name("dimensions")).count("[")
        return type_name(node.child_by_field_name("element")) + "[]" * dimensions
    if node.type in ("generic_type", "annotated_type"):
        return next((type_name(part) for part in node.named_children if part.type not in _NO_NAMES), "")
    return text(node).rpartition(".")[2].strip()


def class_of(node: Any) -> Class:
    """What the node of a class declares."""
    methods: dict[str, list[Method]] = {}
    own = _type_parameters(node)
    for member in members(node.child_by_field_name("body")):
        has_body = member.child_by_field_name("body") is not None
        if member.type in ("method_declaration", "constructor_declaration") and has_body:
            methods.setdefault(name_of(member), []).append(_method(member, name_of(node), own))
    holders = [child for child in node.children if child.type in _SUPERS]
    parents = [parent for holder in holders for parent in holder.named_children]
    types = [
        kind for part in parents for kind in (part.named_children if part.type == "type_list" else [part])
    ]
    return Class(methods, tuple(type_name(kind) for kind in types))


def _method(node: Any, holder: str, of_class: frozenset[str]) -> Method:
    types, variable = [], False
    for parameter in node.child_by_field_name("parameters").named_children:
        if parameter.type == "spread_parameter":
            kinds = [child for child in parameter.named_children if child.type not in _NO_NAMES]
            types.append(type_name(kinds[0]) if kinds else "")
            variable = True
        elif parameter.type == "formal_parameter":
            dimensions = text(parameter.child_by_field_name("dimensions")).count("[")
            types.append(type_name(parameter.child_by_field_name("type")) + "[]" * dimensions)
    returns = type_name(node.child_by_field_name("type"))
    modifiers = [child.type for part in node.children if part.type == "modifiers" for child in part.children]
    makes = node.type == "constructor_declaration" or ("static" in modifiers and returns == holder)
    known = of_class | _type_parameters(node)
    return Method(holder, text(node), tuple(types), returns, variable, makes, known)


def _type_parameters(node: Any) -> frozenset[str]:
    holder = node.child_by_field_name("type_parameters")
    if holder is None:
        return frozenset()
    return frozenset(text(child.named_children[0]) for child in holder.named_children if child.named_children)
