"""What a Java test calls on the class under test, or makes of it.

Told by types (see `java_types`); of a variable that is declared elsewhere, by a name like the class's. A method
may be inherited; of overloads the types of the arguments choose (see `java_overloads`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from kdray.corpus.java_classes import Classes, Method, methods_named, type_name
from kdray.corpus.java_overloads import fitting
from kdray.corpus.java_tree import DECLARATIONS, members, name_of, text, walk
from kdray.corpus.java_types import declared, receiver, type_of

_CALLS = ("method_invocation", "object_creation_expression")


class Call(NamedTuple):
    """A call of a test on the class under test.

    Attributes:
        name: of the method, that of the class for a constructor.
        node: where it stands.
        fits: the methods that it may mean; none where its class does not show it.
    """

    name: str
    node: Any
    fits: Sequence[Method]

    @property
    def makes(self) -> bool:
        """Whether it makes an object of the class."""
        return bool(self.fits) and all(method.makes for method in self.fits)

    @property
    def asks(self) -> bool:
        """Whether it looks like a getter."""
        is_getter = re.match(r"(get|is|has)(?![a-z])", self.name) is not None
        return is_getter and self.node.child_by_field_name("arguments").named_child_count == 0


def calls_on(method: Any, assertions: Sequence[Any], name: str, classes: Classes) -> list[Call]:
    """What a test calls on the class of that name, or makes of it, up to the end of its last assertion, as it is
    evaluated.
    """
    end = assertions[-1].end_byte
    known, static = _variables(method, classes), _imported(method, name)
    calls = []
    for node in walk(method, but=("class_body",)):
        if node.type not in _CALLS or node.end_byte > end:
            continue
        arguments = [type_of(argument, known, classes) for argument in _arguments(node)]
        if node.type == "object_creation_expression":
            of = type_name(node.child_by_field_name("type"))
            called = name if of == name else ""
        else:
            of = receiver(node, known, classes)
            called = name_of(node) if _is_own(node, of, name, static, classes) else ""
        if called:
            # What is held by a supertype is taken for one of the class.
            holder = of if of and name in supers_of(of, classes) else name
            methods = methods_named(called, holder, classes)
            if methods or of:
                calls.append(Call(called, node, fitting(methods, arguments, classes)))
    return sorted(calls, key=lambda call: int(call.node.end_byte))


def _is_own(call: Any, of: str, name: str, static: set[str], classes: Classes) -> bool:
    """Whether a call is one of the class of that name; `of` is what it is called on, `static` what is imported."""
    if of:
        return _is_kind_of(of, name, classes)
    on = call.child_by_field_name("object")
    if on is None:
        return bool(static & {name_of(call), "*"})
    return on.type == "identifier" and name.lower().endswith(text(on).lower())


def _arguments(node: Any) -> list[Any]:
    given = node.child_by_field_name("arguments").named_children
    return [argument for argument in given if "comment" not in argument.type]


def _variables(method: Any, classes: Classes) -> dict[str, str]:
    """The types of what a test can name: the fields of the classes that it stands in, and its own variables."""
    known: dict[str, str] = {}
    around: list[Any] = []
    node = method.parent
    while node is not None:
        around.insert(0, node)
        node = node.parent
    for holder in around:
        if holder.type in DECLARATIONS:
            for member in members(holder.child_by_field_name("body")):
                if member.type == "field_declaration":
                    declared(member, known, classes)
    return declared(method, known, classes)


def _imported(method: Any, name: str) -> set[str]:
    """What a file imports statically from a class; `*` for everything."""
    root = method
    while root.parent is not None:
        root = root.parent
    imports = [re.sub(r"\s", "", text(node)) for node in root.children if node.type == "import_declaration"]
    matches = (
        re.fullmatch(rf"importstatic(?:[\w.]*\.)?{re.escape(name)}\.(\w+|\*);", line) for line in imports
    )
    return {match[1] for match in matches if match}


def _is_kind_of(kind: str, name: str, classes: Classes) -> bool:
    """Whether a class is the one of that name, inherits from it, or is what it inherits from."""
    return kind == name or name in supers_of(kind, classes) or kind in supers_of(name, classes)


def supers_of(name: str, classes: Classes) -> set[str]:
    """All that a class inherits from, and what of that is not in the project."""
    seen, todo = set[str](), [name]
    while todo:
        java_class = classes(todo.pop())
        todo += [parent for parent in (java_class.supers if java_class else ()) if parent not in seen]
        seen |= set(todo)
    return seen


def identifiers(node: Any) -> set[str]:
    """The names that stand in a node."""
    return {text(inner) for inner in walk(node) if inner.type == "identifier"}


def made_of(test: Any, variable: str) -> set[str]:
    """The names in what a variable of a test is made of."""
    names: set[str] = set()
    for node in walk(test):
        if node.type == "variable_declarator" and name_of(node) == variable:
            value = node.child_by_field_name("value")
        elif node.type == "assignment_expression" and text(node.child_by_field_name("left")) == variable:
            value = node.child_by_field_name("right")
        else:
            continue
        names |= identifiers(value) if value is not None else set()
    return names


def given_to(call: Any) -> str:
    """The variable that holds what a call returns, or what is made of it; "" for none."""
    node = call
    while node is not None and not node.type.endswith("statement"):
        if node.type == "variable_declarator":
            return name_of(node)
        if node.type == "assignment_expression":
            return text(node.child_by_field_name("left"))
        node = node.parent
    return ""
