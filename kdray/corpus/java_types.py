"""The types of Java expressions, as far as a source tells them.

What is declared beside an expression is read, and the project's own classes (see `java_classes`, also for how a
type is named); libraries are not looked into.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kdray.corpus.java_classes import Classes, methods_named, type_name
from kdray.corpus.java_tree import name_of, text, walk

LAMBDA, NULL = "->", "null"
NUMERIC = ("byte", "short", "int", "long", "float", "double")
_KINDS = {
    "string_literal": "String", "character_literal": "char", "true": "boolean", "false": "boolean",
    "null_literal": NULL, "lambda_expression": LAMBDA, "method_reference": LAMBDA, "class_literal": "Class",
    "instanceof_expression": "boolean",
}  # fmt: skip
_RETURNS = {"toString": "String", "hashCode": "int", "equals": "boolean", "length": "int", "size": "int"}
_COMPARES = ("==", "!=", "<", ">", "<=", ">=", "&&", "||")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]+")


def declared(node: Any, known: dict[str, str], classes: Classes) -> dict[str, str]:
    """Name -> type of the variables that are declared below a node, added to those that are known."""
    for inner in walk(node, but=("class_body",)):
        if inner.type in ("local_variable_declaration", "field_declaration"):
            kind = type_name(inner.child_by_field_name("type"))
            for child in inner.named_children:
                if child.type == "variable_declarator":
                    dimensions = "[]" * text(child.child_by_field_name("dimensions")).count("[")
                    value = child.child_by_field_name("value")
                    made = type_of(value, known, classes) if value is not None else ""
                    # What is made says more than an interface that it is held by.
                    is_made = value is not None and value.type == "object_creation_expression"
                    known[name_of(child)] = made if kind == "var" or is_made else kind + dimensions
        elif inner.type in (
            "formal_parameter",
            "enhanced_for_statement",
            "resource",
            "catch_formal_parameter",
        ):
            kind = type_name(inner.child_by_field_name("type"))
            known[name_of(inner)] = "" if kind == "var" else kind
        elif inner.type == "spread_parameter":
            for child in inner.named_children:
                if child.type == "variable_declarator":
                    known[name_of(child)] = type_name(inner.named_children[-2]) + "[]"
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
        brackets = "".join(text(part) for part in node.children if part.type.startswith("dimensions"))
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
        child = node.child_by_field_name(field)
        return "" if child is None else type_of(child, known, classes)

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
    ranks = [NUMERIC.index(side) if side in NUMERIC else 2 if side == "char" else -1 for side in sides]
    return NUMERIC[max(*ranks, 2)] if min(ranks) >= 0 else ""


def _returned(node: Any, known: Mapping[str, str], classes: Classes) -> str:
    name = name_of(node)
    methods = methods_named(name, receiver(node, known, classes), classes)
    returned = {method.returns for method in methods if method.returns not in method.type_names}
    return returned.pop() if len(returned) == 1 else "" if methods else _RETURNS.get(name, "")


def receiver(call: Any, known: Mapping[str, str], classes: Classes) -> str:
    """The class that a call is made on: of an object, or named itself; "" where it is not known."""
    on = call.child_by_field_name("object")
    if on is None:
        return ""
    kind = type_of(on, known, classes)
    if kind or on.type not in ("identifier", "field_access") or text(on) in known:
        return kind
    *_, before, name = ["", *text(on).split(".")]
    if _CONSTANT.fullmatch(name) and before[:1].isupper():
        return before.strip()  # a constant of a class is most often one of its objects
    return name if name[:1].isupper() else ""
