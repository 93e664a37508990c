"""Python transformations of expressions, only where the operands certainly are immutable built-ins.

An operator of anything else may be overloaded, may not commute, or may change its operand in place: `x += y`
on a list is seen by everybody who holds the list.

Not covered: attributes and calls as operands.
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.python_binding import scope_of
from kdray.metamorphic.transforms.python_blocks import insert_before, names_unseen, statements
from kdray.metamorphic.transforms.python_scope import Names, names_of, unbound
from kdray.metamorphic.transforms.python_types import LITERALS, NUMBERS, is_quiet, string_prefix, type_of
from kdray.metamorphic.transforms.tree import Node, Source
from kdray.metamorphic.transforms.words import fresh

MIRROR = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<=", "is": "is", "is not": "is not"}
NO_PLACE = frozenset(
    {"interpolation", "format_specifier", "concatenated_string", "string", "type", "decorator", "lambda",
     "parameters", "global_statement", "import_statement", "import_from_statement", "delete_statement",
     "class_definition", "case_clause", "case_pattern", "print_statement", "exec_statement"}
)  # fmt: skip
"""Where a literal is not an expression like any other."""
FOLDED = frozenset({"binary_operator", "unary_operator", "tuple", "subscript"})
"""Expressions that the compiler makes one constant of where all their parts are."""


def operand_swap(source: Source, rng: random.Random) -> Edits | Refusal:
    """`a < b` becomes `b > a`, `a + b` becomes `b + a`, `x is None` becomes `None is x`."""
    names = names_unseen(source)
    if isinstance(names, Refusal):
        return names
    swaps = []
    for node in source.of("binary_operator", "comparison_operator"):
        parts = [child for child in node.children if child.type != "comment"]
        # Equal operands would change places without a trace.
        if (
            len(parts) == 3
            and source.text(parts[0]) != source.text(parts[2])
            and node.end < source.boundary
            and _inside(names, node)
        ):
            sign = _swapped_sign(source, names, *parts)
            if sign is not None:
                swaps.append((parts, sign))
    if not swaps:
        return Refusal("no operands that certainly may change places")
    (left, operator, right), sign = rng.choice(swaps)
    texts = source.text(left), source.text(right)
    return Edits(
        [
            Edit(left.start, left.end, _closed(right, texts[1])),
            Edit(operator.start, operator.end, sign),
            Edit(right.start, right.end, _closed(left, texts[0])),
        ]
    )


def _inside(names: Names, node: Node) -> bool:
    """Whether an expression stands in the function's own scope, in a place like any other."""
    return scope_of(node) is names.function and not any(outer.type in NO_PLACE for outer in node.ancestors())


def _swapped_sign(source: Source, names: Names, left: Node, operator: Node, right: Node) -> str | None:
    """The sign between the swapped operands, or None where swapping may be seen."""
    sign = source.text(operator)
    if sign in ("is", "is not"):
        return sign if right.type == "none" or left.type == "none" else None
    types = {type_of(source, names, left), type_of(source, names, right)}
    if not (is_quiet(left) and is_quiet(right)) or not types <= NUMBERS | {"str"}:
        return None
    if all(_may_fail(source, names, side) for side in (left, right)):
        return None  # the error tells which was looked at first
    if sign in ("+", "*"):
        return sign if types <= NUMBERS else None
    if sign in MIRROR:
        return MIRROR[sign] if types <= NUMBERS or types == {"str"} else None
    return None


def _may_fail(source: Source, names: Names, node: Node) -> bool:
    return any(
        inner.type == "identifier" and source.text(inner) in unbound(source, names) for inner in node.walk()
    )


def _closed(node: Node, text: str) -> str:
    """An operand that keeps its place in a bigger expression."""
    plain = (
        "identifier",
        "integer",
        "float",
        "string",
        "none",
        "true",
        "false",
        "parenthesized_expression",
        "call",
    )
    return text if node.type in (*plain, "attribute", "subscript") else f"({text})"


def compound_to_plain(source: Source, rng: random.Random) -> Edits | Refusal:
    """`x += y` becomes `x = x + y`."""
    names = names_of(source)
    if isinstance(names, str):
        return Refusal(names)
    compounds = []
    for node in source.of("augmented_assignment"):
        left, operator, right = node.child("left"), node.child("operator"), node.child("right")
        if left is None or operator is None or right is None or left.type != "identifier":
            continue
        if type_of(source, names, left) in ("int", "float", "str", "bytes") and node.end < source.boundary:
            compounds.append((left, operator, right))
    if not compounds:
        return Refusal("no compound assignment to a variable that is certainly immutable")
    left, operator, right = rng.choice(compounds)
    name, sign = source.text(left), source.text(operator).removesuffix("=")
    plain = f"{name} = {name} {sign} {_closed(right, source.text(right))}"
    return Edits([Edit(left.start, right.end, plain)])


def plain_to_compound(source: Source, rng: random.Random) -> Edits | Refusal:
    """`x = x + y` becomes `x += y`."""
    names = names_of(source)
    if isinstance(names, str):
        return Refusal(names)
    sums = []
    for node in source.of("assignment"):
        left, right = node.child("left"), node.child("right")
        if left is None or right is None or left.type != "identifier" or right.type != "binary_operator":
            continue
        inner, operator, value = right.child("left"), right.child("operator"), right.child("right")
        if inner is None or operator is None or value is None or source.text(inner) != source.text(left):
            continue
        alone = (
            node.parent is not None
            and node.parent.type == "expression_statement"
            and node.child("type") is None
        )
        if (
            alone
            and node.end < source.boundary
            and type_of(source, names, left) in ("int", "float", "str", "bytes")
        ):
            sums.append((node, left, operator, value))
    if not sums:
        return Refusal("no x = x + y of a variable that is certainly immutable")
    node, left, operator, value = rng.choice(sums)
    return Edits(
        [Edit(left.start, node.end, f"{source.text(left)} {source.text(operator)}= {source.text(value)}")]
    )


def _literals(source: Source, names: Names, types: tuple[str, ...]) -> list[tuple[Node, Node]]:
    """Literals in the context that are expressions like any other, each with the statement it stands in."""
    lines = {id(node): node for node in statements(source, names)}
    literals = []
    for node in source.of(*types):
        statement = next((outer for outer in node.ancestors() if id(outer) in lines), None)
        if statement is None or node.parent is None or not _inside(names, node) or _is_identity(node):
            continue
        if node.type == "string" and (
            any(inner.type == "interpolation" for inner in node.walk()) or "t" in string_prefix(source, node)
        ):
            continue
        if node.parent.type != "expression_statement" and node.row == node.end_row:
            literals.append((node, statement))
    return literals


def _is_identity(node: Node) -> bool:
    """Whether a literal is compared by `is`, where equal is not enough."""
    return any(
        outer.type == "comparison_operator" and any(child.type.startswith("is") for child in outer.children)
        for outer in node.ancestors()
    )


def _is_folded(node: Node) -> bool:
    """Whether a literal is part of a bigger constant, which is one object whenever it is asked for."""
    parent = node.parent
    while parent is not None and parent.type == "parenthesized_expression":
        parent = parent.parent
    if parent is None or parent.type not in FOLDED:
        return False
    constant = (
        LITERALS | FOLDED | {"parenthesized_expression", "string_start", "string_content", "string_end"}
    )
    return all(inner.type in constant or not inner.type[0].isalpha() for inner in parent.walk())


def literal_to_variable(source: Source, rng: random.Random) -> Edits | Refusal:
    """A literal becomes a variable that is set just before."""
    names = names_unseen(source)
    if isinstance(names, Refusal):
        return names
    literals = [
        (node, statement)
        for node, statement in _literals(source, names, ("integer", "float", "string"))
        if not _is_folded(node)
    ]
    if not literals:
        return Refusal("no literal that stands for itself")
    node, statement = rng.choice(literals)
    name = fresh(rng, names.words)
    return Edits(
        [insert_before(source, statement, f"{name} = {source.text(node)}"), Edit(node.start, node.end, name)]
    )


def neutral_element(source: Source, rng: random.Random) -> Edits | Refusal:
    """`3` becomes `(3 + 0)`, `'a'` becomes `('a' + '')`, `if c:` becomes `if (c) and True:`."""
    names = names_of(source)
    if isinstance(names, str):
        return Refusal(names)
    edits = [
        Edit(node.start, node.end, _with_neutral(source, node))
        for node, _ in _literals(source, names, ("integer", "string"))
    ]
    for node in statements(source, names):
        condition = node.child("condition") if node.type in ("if_statement", "while_statement") else None
        if condition is not None and condition.type != "named_expression":
            edits.append(Edit(condition.start, condition.end, f"({source.text(condition)}) and True"))
    edits = [edit for edit in edits if edit.text]
    return Edits([rng.choice(edits)]) if edits else Refusal("no literal or condition that stands for itself")


def _with_neutral(source: Source, node: Node) -> str:
    text = source.text(node)
    if node.type == "integer":
        return "" if text[-1] in "jJlL" else f"({text} + 0)"
    return f"({text} + b'')" if "b" in string_prefix(source, node) else f"({text} + '')"
