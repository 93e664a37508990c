"""Which Python expressions certainly have an immutable built-in type.

Only such expressions have operators that mean what they seem to: any other object may overload them, or
change in place. A variable has a type where *every* binding of it in the function gives it that type.

Not covered: containers, calls (but `range` as the iterable of a loop), attributes.
"""

from __future__ import annotations

from kdray.metamorphic.transforms.python_scope import Names, own_variables
from kdray.metamorphic.transforms.tree import Node, Source

NUMBERS = frozenset({"int", "float", "bool"})
LITERALS = frozenset({"integer", "float", "string", "concatenated_string", "true", "false", "none"})
UNKNOWN, OPEN = "", "?"
"""Nothing is known; whatever the other bindings of a variable say."""
MAX_ROUNDS = 20
"""Longer chains of variables that take their types from each other are not followed."""


def type_of(source: Source, names: Names, node: Node | None) -> str:
    """`int`, `float`, `str`, `bytes`, `bool`, `none`, or `UNKNOWN`."""
    if "types" not in source.memory:
        source.memory["types"] = _variables(source, names)
    known_type = _type(source, source.memory["types"], node, 0)
    return UNKNOWN if known_type == OPEN else known_type


def _variables(source: Source, names: Names) -> dict[str, str]:
    """The types of the function's variables: all are open at first, then what the bindings say holds for each.

    A variable's type only ever goes from open to a type to unknown, so in the end every binding agrees with what
    is said of all variables, however they depend on each other.
    """
    types = dict.fromkeys(own_variables(source, names), OPEN)
    for _ in range(MAX_ROUNDS):
        before = dict(types)
        for name, known in before.items():
            if known == UNKNOWN:
                continue
            given = {_binding(source, names, types, node) for node in names.bound[name]} - {OPEN}
            said = given.pop() if len(given) == 1 else (UNKNOWN if given else OPEN)
            types[name] = said if known in (OPEN, said) else UNKNOWN
        if types == before:
            return types
    return dict.fromkeys(types, UNKNOWN)


def _binding(source: Source, names: Names, types: dict[str, str], node: Node) -> str:
    """The type that one binding gives."""
    parent = node.parent
    if parent is None or node.field != "left":
        return UNKNOWN
    if parent.type == "augmented_assignment":
        return _binary(source, types, parent, 0)
    right = parent.child("right")
    if parent.type == "assignment":
        while right is not None and right.type == "assignment":
            right = right.child("right")
        return _type(source, types, right, 0)
    if parent.type == "for_statement" and right is not None and is_range(source, names, right):
        return "int"
    return UNKNOWN


def _type(source: Source, types: dict[str, str], node: Node | None, depth: int) -> str:
    if node is None or depth > 30:  # a deeper expression is not worth a deeper stack
        return UNKNOWN
    if node.type in ("integer", "float"):
        return UNKNOWN if source.text(node)[-1] in "jJlL" else {"integer": "int"}.get(node.type, "float")
    if node.type in ("true", "false"):
        return "bool"
    if node.type == "none":
        return "none"
    if node.type == "string":
        prefix = string_prefix(source, node)
        return UNKNOWN if "t" in prefix else ("bytes" if "b" in prefix else "str")
    if node.type in ("parenthesized_expression", "concatenated_string"):
        inner = [child for child in node.children if child.type not in ("(", ")", "comment")]
        return _type(source, types, inner[0], depth + 1) if inner else UNKNOWN
    if node.type == "unary_operator":
        operand_type = _type(source, types, node.child("argument"), depth + 1)
        return operand_type if operand_type in ("int", "float", OPEN) else UNKNOWN
    if node.type == "binary_operator":
        return _binary(source, types, node, depth)
    return types.get(source.text(node), UNKNOWN) if node.type == "identifier" else UNKNOWN


def _binary(source: Source, types: dict[str, str], node: Node, depth: int) -> str:
    operator = node.child("operator")
    sign = source.text(operator).removesuffix("=") if operator is not None else ""
    left = _type(source, types, node.child("left"), depth + 1)
    right = _type(source, types, node.child("right"), depth + 1)
    if sign == "+" and {left, right} <= {"str", OPEN}:
        return "str" if "str" in (left, right) else OPEN
    if sign not in ("+", "-", "*") or not {left, right} <= {"int", "float", OPEN}:
        return UNKNOWN
    return "float" if "float" in (left, right) else ("int" if "int" in (left, right) else OPEN)


def string_prefix(source: Source, node: Node) -> str:
    """The letters before a string's quotes, in lower case."""
    text = source.text(node)
    return text[: min(text.find("'") % len(text), text.find('"') % len(text))].lower()


def is_range(source: Source, names: Names, node: Node) -> bool:
    """Whether an expression is a call of the built-in `range`, as far as the function tells."""
    function = node.child("function") if node.type == "call" else None
    return function is not None and source.text(function) == "range" and names.is_builtin("range")


def is_quiet(node: Node) -> bool:
    """Whether evaluating an expression does nothing but look variables and literals up."""
    quiet = LITERALS | {
        "identifier",
        "parenthesized_expression",
        "(",
        ")",
        "string_start",
        "string_content",
        "string_end",
    }
    return all(inner.type in quiet for inner in node.walk())
