"""The types of Java expressions, as far as a source tells them, and which overload a call means.

Types are simple names without packages and type arguments (`List`, `int[]`); "" is one that is not known. What is
declared beside an expression is read, and methods of the project's own classes; libraries are not looked into.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from kdray.corpus.java_tree import members, name_of, text, walk

LAMBDA, NULL = "->", "null"
NUMERIC = ("byte", "short", "int", "long", "float", "double")
_WIDER = {"char": NUMERIC[2:]} | {one: NUMERIC[at + 1 :] for at, one in enumerate(NUMERIC)}
BOXES = {
    "int": "Integer", "long": "Long", "char": "Character", "boolean": "Boolean", "double": "Double",
    "float": "Float", "byte": "Byte", "short": "Short",
}  # fmt: skip
_UNBOXED = {box: primitive for primitive, box in BOXES.items()}
_OF_STRING = ("CharSequence", "Comparable", "Serializable", "Object")
_ANYTHING = ("Object", "Serializable", "Comparable", "Number")
_KINDS = {
    "string_literal": "String", "character_literal": "char", "true": "boolean", "false": "boolean",
    "null_literal": NULL, "lambda_expression": LAMBDA, "method_reference": LAMBDA, "class_literal": "Class",
    "instanceof_expression": "boolean",
}  # fmt: skip
_RETURNS = {"toString": "String", "hashCode": "int", "equals": "boolean", "length": "int", "size": "int"}
_COMPARES = ("==", "!=", "<", ">", "<=", ">=", "&&", "||")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]+")
_SUPERS = ("superclass", "super_interfaces", "extends_interfaces")
_NO_NAMES = ("type_arguments", "marker_annotation", "annotation", "modifiers", "variable_declarator")
EXACT, CONVERTED, POSSIBLE, NEVER = 3.0, 2.0, 1.0, float("-inf")


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
        one = todo.pop(0)
        found = classes(one)
        seen.add(one)
        for method in found.methods.get(name, ()) if found else ():
            methods.setdefault(method.parameters, method)
        todo += [parent for parent in (found.supers if found else ()) if parent not in seen]
    return list(methods.values())


def type_name(node: Any) -> str:
    """A type without package and arguments."""
    if node is None:
        return ""
    if node.type == "array_type":
        dimensions = text(node.child_by_field_name("dimensions")).count("[")
        return type_name(node.child_by_field_name("element")) + "[]" * dimensions
    if node.type in ("generic_type", "annotated_type"):
        return next((type_name(one) for one in node.named_children if one.type not in _NO_NAMES), "")
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
    found = [one for holder in holders for one in holder.named_children]
    types = [kind for one in found for kind in (one.named_children if one.type == "type_list" else [one])]
    return Class(methods, tuple(type_name(one) for one in types))


def _method(node: Any, holder: str, of_class: frozenset[str]) -> Method:
    types, variable = [], False
    for one in node.child_by_field_name("parameters").named_children:
        if one.type == "spread_parameter":
            kinds = [child for child in one.named_children if child.type not in _NO_NAMES]
            types.append(type_name(kinds[0]) if kinds else "")
            variable = True
        elif one.type == "formal_parameter":
            dimensions = text(one.child_by_field_name("dimensions")).count("[")
            types.append(type_name(one.child_by_field_name("type")) + "[]" * dimensions)
    returns = type_name(node.child_by_field_name("type"))
    modifiers = [child.type for one in node.children if one.type == "modifiers" for child in one.children]
    makes = node.type == "constructor_declaration" or ("static" in modifiers and returns == holder)
    known = of_class | _type_parameters(node)
    return Method(holder, text(node), tuple(types), returns, variable, makes, known)


def _type_parameters(node: Any) -> frozenset[str]:
    holder = node.child_by_field_name("type_parameters")
    if holder is None:
        return frozenset()
    return frozenset(text(child.named_children[0]) for child in holder.named_children if child.named_children)


def declared(node: Any, known: dict[str, str], classes: Classes) -> dict[str, str]:
    """Name -> type of the variables that are declared below a node, added to those that are known."""
    for one in walk(node, but=("class_body",)):
        if one.type in ("local_variable_declaration", "field_declaration"):
            kind = type_name(one.child_by_field_name("type"))
            for child in one.named_children:
                if child.type == "variable_declarator":
                    dimensions = "[]" * text(child.child_by_field_name("dimensions")).count("[")
                    value = child.child_by_field_name("value")
                    made = type_of(value, known, classes) if value is not None else ""
                    # What is made says more than an interface that it is held by.
                    is_made = value is not None and value.type == "object_creation_expression"
                    known[name_of(child)] = made if kind == "var" or is_made else kind + dimensions
        elif one.type in ("formal_parameter", "enhanced_for_statement", "resource", "catch_formal_parameter"):
            kind = type_name(one.child_by_field_name("type"))
            known[name_of(one)] = "" if kind == "var" else kind
        elif one.type == "spread_parameter":
            for child in one.named_children:
                if child.type == "variable_declarator":
                    known[name_of(child)] = type_name(one.named_children[-2]) + "[]"
    return known


def type_of(node: Any, known: Mapping[str, str], classes: Classes) -> str:
    """The type of an expression."""
    kind = node.type
    if kind in _KINDS:
        return _KINDS[kind]
    if kind.endswith("integer_literal"):
        return "long" if text(node)[-1] in "lL" else "int"
    if kind.endswith("floating_point_literal"):
        return "float" if text(node)[-1] in "fF" else "double"
    if kind == "identifier":
        return known.get(text(node), "")
    if kind == "parenthesized_expression":
        return type_of(node.named_children[0], known, classes)
    if kind in ("cast_expression", "object_creation_expression"):
        return type_name(node.child_by_field_name("type"))
    if kind == "array_creation_expression":
        brackets = "".join(text(one) for one in node.children if one.type.startswith("dimensions"))
        return type_name(node.child_by_field_name("type")) + "[]" * brackets.count("[")
    if kind == "array_access":
        return type_of(node.child_by_field_name("array"), known, classes).removesuffix("[]")
    if kind == "field_access" and text(node.child_by_field_name("object")) == "this":
        return known.get(text(node.child_by_field_name("field")), "")
    if kind == "method_invocation":
        return _returned(node, known, classes)
    return _computed(node, known, classes)


def _computed(node: Any, known: Mapping[str, str], classes: Classes) -> str:
    def of(field: str) -> str:
        one = node.child_by_field_name(field)
        return "" if one is None else type_of(one, known, classes)

    if node.type == "unary_expression":
        operand = of("operand")
        return "int" if operand in ("byte", "short", "char") else operand
    if node.type == "ternary_expression":
        return of("consequence") if of("consequence") == of("alternative") else ""
    if node.type != "binary_expression":
        return ""
    if text(node.child_by_field_name("operator")) in _COMPARES:
        return "boolean"
    sides = of("left"), of("right")
    if "String" in sides:
        return "String"
    ranks = [NUMERIC.index(one) if one in NUMERIC else 2 if one == "char" else -1 for one in sides]
    return NUMERIC[max(*ranks, 2)] if min(ranks) >= 0 else ""


def _returned(node: Any, known: Mapping[str, str], classes: Classes) -> str:
    name = name_of(node)
    methods = methods_named(name, receiver(node, known, classes), classes)
    returned = {one.returns for one in methods if one.returns not in one.type_names}
    return returned.pop() if len(returned) == 1 else "" if methods else _RETURNS.get(name, "")


def receiver(call: Any, known: Mapping[str, str], classes: Classes) -> str:
    """The class that a call is made on: of an object, or named itself; "" where it is not known."""
    on = call.child_by_field_name("object")
    if on is None:
        return ""
    found = type_of(on, known, classes)
    if found or on.type not in ("identifier", "field_access") or text(on) in known:
        return found
    *_, before, name = ["", *text(on).split(".")]
    if _CONSTANT.fullmatch(name) and before[:1].isupper():
        return before.strip()  # a constant of a class is most often one of its objects
    return name if name[:1].isupper() else ""


def fitting(methods: Sequence[Method], arguments: Sequence[str], classes: Classes) -> Sequence[Method]:
    """The overloads that fit arguments of these types best; one, where the types decide it."""
    scored = [(_score(one, arguments, classes), one) for one in methods]
    best = max((score for score, _ in scored), default=NEVER)
    return [one for score, one in scored if score == best > NEVER]


def _score(method: Method, arguments: Sequence[str], classes: Classes) -> float:
    parameters = list(method.parameters)
    if method.variable:
        last = parameters[-1]
        if len(arguments) == len(parameters) and arguments[-1] == f"{last}[]":
            parameters[-1] = f"{last}[]"
        elif len(arguments) >= len(parameters) - 1:
            repeated = [last] * (len(arguments) - len(parameters) + 1)
            # Any other overload goes before one that takes any number (JLS 15.12.2).
            return sum(map(_of(method, classes), [*parameters[:-1], *repeated], arguments)) - 100
    if len(parameters) != len(arguments):
        return NEVER
    return sum(map(_of(method, classes), parameters, arguments))


def _of(method: Method, classes: Classes) -> Callable[[str, str], float]:
    return lambda parameter, argument: _fits(parameter, argument, method.type_names, classes)


def _fits(parameter: str, argument: str, type_names: frozenset[str], classes: Classes) -> float:
    is_primitive = parameter in BOXES
    if not argument or not parameter:
        return POSSIBLE
    if argument == parameter:
        return EXACT
    if argument in (NULL, LAMBDA):
        closed = argument == LAMBDA and (
            parameter in ("String", "Class", *_UNBOXED) or parameter.endswith("[]")
        )
        return NEVER if is_primitive or closed else POSSIBLE
    if parameter.removesuffix("[]") in type_names:
        return POSSIBLE if parameter.endswith("[]") <= argument.endswith("[]") else NEVER
    if argument in BOXES or is_primitive:
        return _fits_primitive(parameter, argument)
    if parameter == "Object":
        return POSSIBLE
    if argument.endswith("[]") or parameter.endswith("[]"):
        return POSSIBLE if argument.endswith("[]") and parameter == "Object[]" else NEVER
    if argument in ("String", "Class", *_UNBOXED):
        return (
            CONVERTED
            if parameter in _OF_STRING and argument == "String"
            else (POSSIBLE if parameter in _ANYTHING else NEVER)
        )
    return _is_a(argument, parameter, classes)


def _fits_primitive(parameter: str, argument: str) -> float:
    if argument in BOXES and parameter in _WIDER.get(argument, ()):
        # The nearest of the wider types is the more specific one.
        return CONVERTED + 0.5 - 0.05 * _WIDER[argument].index(parameter)
    if BOXES.get(argument) == parameter or _UNBOXED.get(argument) == parameter:
        return CONVERTED
    if argument in BOXES:
        return POSSIBLE if parameter in _ANYTHING else NEVER
    return NEVER


def _is_a(argument: str, parameter: str, classes: Classes) -> float:
    """Whether a class is another one, by the supertypes that the project's own sources tell."""
    seen, todo, all_known = set[str](), [argument], True
    while todo:
        one = todo.pop()
        if one == parameter:
            return CONVERTED
        seen.add(one)
        found = classes(one)
        all_known = all_known and found is not None
        todo += [name for name in (found.supers if found else ()) if name not in seen]
    # What is not the project's own inherits nothing from it.
    return NEVER if all_known or classes(parameter) is not None else POSSIBLE / 2
