"""Which Python expressions certainly have an immutable built-in type.

Only such expressions have operators that mean what they seem to: any other object may overload them, or
change in place. A variable has a type where *every* binding of it in the function gives it that type.

Not covered: containers, calls (but `range` as the iterable of a loop), attributes.
"""

from __future__ import annotations

from kdray.metamorphic.transforms.python_scope import Names, renamable
from kdray.metamorphic.transforms.tree import Node, Source

NUMBERS = frozenset({"int", "float", "bool"})
LITERALS = frozenset({"integer", "float", "string", "concatenated_string", "true", "false", "none"})
UNKNOWN, OPEN = "", "?"
"""Nothing is known; whatever the other bindings of a variable say (it is being asked for just now)."""


def type_of(source: Source, names: Names, node: Node | None) -> str:
    """`int`, `float`, `str`, `bytes`, `bool`, `none`, or `UNKNOWN`."""
    return _Types(source, names).of(node, 0)


class _Types:
    """Types of variables, found once each."""

    def __init__(self, source: Source, names: Names) -> None:
        self.source, self.names = source, names
        self.variables: dict[str, str] = source.memory.setdefault("types", {})
        if "renamable" not in source.memory:
            source.memory["renamable"] = frozenset(renamable(source, names))
        self.plain: frozenset[str] = source.memory["renamable"]

    def of(self, node: Node | None, depth: int) -> str:
        if node is None or depth > 30:  # a deeper expression is not worth a deeper stack
            return UNKNOWN
        if node.type in ("integer", "float"):
            return (
                UNKNOWN
                if self.source.text(node)[-1] in "jJlL"
                else {"integer": "int"}.get(node.type, "float")
            )
        if node.type in ("true", "false", "not_operator"):
            return "bool" if node.type != "not_operator" else UNKNOWN
        if node.type == "none":
            return "none"
        if node.type == "string":
            return "bytes" if "b" in self.source.text(node)[:2].lower().split("'")[0].split('"')[0] else "str"
        if node.type in ("parenthesized_expression", "concatenated_string"):
            inner = [child for child in node.children if child.type not in ("(", ")", "comment")]
            return self.of(inner[0], depth + 1) if inner else UNKNOWN
        if node.type == "unary_operator":
            inner_type = self.of(node.child("argument"), depth + 1)
            return inner_type if inner_type in ("int", "float", OPEN) else UNKNOWN
        if node.type in ("binary_operator", "augmented_assignment"):
            return self._binary(node, depth)
        return self._variable(node, depth) if node.type == "identifier" else UNKNOWN

    def _binary(self, node: Node, depth: int) -> str:
        operator = node.child("operator")
        sign = self.source.text(operator).removesuffix("=") if operator is not None else ""
        left, right = self.of(node.child("left"), depth + 1), self.of(node.child("right"), depth + 1)
        if sign == "+" and {left, right} <= {"str", OPEN}:
            return "str" if "str" in (left, right) else OPEN
        if sign not in ("+", "-", "*") or not {left, right} <= {"int", "float", OPEN}:
            return UNKNOWN
        return "float" if "float" in (left, right) else ("int" if "int" in (left, right) else OPEN)

    def _variable(self, node: Node, depth: int) -> str:
        name = self.source.text(node)
        if name not in self.plain:
            return UNKNOWN
        if name not in self.variables:
            self.variables[name] = OPEN
            found = {self._binding(bound, depth) for bound in self.names.bound[name]} - {OPEN}
            self.variables[name] = found.pop() if len(found) == 1 else UNKNOWN
        return self.variables[name]

    def _binding(self, node: Node, depth: int) -> str:
        parent = node.parent
        if parent is None or node.field != "left":
            return UNKNOWN
        if parent.type == "augmented_assignment":
            return self._binary(parent, depth + 1)
        right = parent.child("right")
        if parent.type == "assignment":
            while right is not None and right.type == "assignment":
                right = right.child("right")
            return self.of(right, depth + 1)
        if parent.type == "for_statement" and right is not None and is_range(self.source, self.names, right):
            return "int"
        return UNKNOWN


def is_range(source: Source, names: Names, node: Node) -> bool:
    """Whether an expression is a call of the built-in `range`, as far as the function tells."""
    function = node.child("function") if node.type == "call" else None
    known = names.bound.keys() | names.elsewhere | names.functions.keys()
    return function is not None and source.text(function) == "range" and "range" not in known


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
