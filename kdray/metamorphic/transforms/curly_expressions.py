"""Java and C transformations of expressions.

There is no overloading here, but there is Java's string `+`, its narrowing in `x += y`, C's macros, and the null
pointer that is written 0.

Not covered: unsigned arithmetic, hexadecimal literals, floating point beyond swapping.
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.curly import (
    INTEGERS,
    NUMBERS,
    Unit,
    closed,
    is_quiet,
    is_word_of_macro,
    literal_type,
    type_of,
)
from kdray.metamorphic.transforms.curly_blocks import chosen_nodes, insert_before, statements
from kdray.metamorphic.transforms.tree import Node, Source
from kdray.metamorphic.transforms.words import fresh

MIRROR = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
WIDTH = {"int": 1, "long": 2, "float": 3, "double": 4}
Found = tuple[Unit, list[Node]]


def _chosen(source: Source, rng: random.Random, *types: str) -> Found | Refusal:
    """The unit and its expressions of some types in the context's code, in a random order."""
    return chosen_nodes(source, rng, types, lambda node: not _is_odd_place(source, node))


def _is_odd_place(source: Source, node: Node) -> bool:
    """Directives, annotations, macro's arguments, labels, constants of static things."""
    odd = ("annotation", "switch_label", "enumerator", "bitfield_clause", "array_declarator", "class_body",
           "sizeof_expression", "initializer_pair", "initializer_list")  # fmt: skip
    for outer in node.ancestors():
        if outer.type in odd or outer.type.startswith("preproc"):
            return True
        if outer.type == "case_statement" and node is outer.child("value"):
            return True
        if outer.type == "call_expression":
            function = outer.child("function")
            if function is not None and is_word_of_macro(source.text(function)):
                return True
        if outer.type == "declaration" and any(c.type == "storage_class_specifier" for c in outer.children):
            return True
    return False


def operand_swap(source: Source, rng: random.Random) -> Edits | Refusal:
    """`a < b` becomes `b > a`, `a + b` becomes `b + a`, `a && b` becomes `b && a`."""
    chosen = _chosen(source, rng, "binary_expression")
    if isinstance(chosen, Refusal):
        return chosen
    found, inside = chosen
    for node in inside:
        left, operator, right = node.child("left"), node.child("operator"), node.child("right")
        if left is None or operator is None or right is None or source.text(left) == source.text(right):
            continue
        sign = _swapped_sign(source, found, left, source.text(operator), right)
        if sign is not None:
            edits = [(left, closed(source, right)), (operator, sign), (right, closed(source, left))]
            return Edits([Edit(part.start, part.end, text) for part, text in edits])
    return Refusal("no operands that certainly may change places")


def _may_be_null(source: Source, found: Unit, *nodes: Node) -> bool:
    """Whether a boxed value may be looked at, which fails where it is null."""
    names = {source.text(inner) for node in nodes for inner in node.walk() if inner.type == "identifier"}
    return any(found.type_of_name(name) not in NUMBERS | {"boolean"} for name in names)


def _swapped_sign(source: Source, found: Unit, left: Node, sign: str, right: Node) -> str | None:
    if not (is_quiet(source, found, left) and is_quiet(source, found, right)):
        return None
    if sign in MIRROR:
        return MIRROR[sign]
    if sign in ("&&", "||"):
        return sign if source.language == "c" or not _may_be_null(source, found, left, right) else None
    types = {type_of(source, found, left), type_of(source, found, right)}
    return sign if sign in ("+", "*") and types <= NUMBERS else None


def compound_to_plain(source: Source, rng: random.Random) -> Edits | Refusal:
    """`x += y` becomes `x = x + y`."""
    chosen = _chosen(source, rng, "assignment_expression")
    if isinstance(chosen, Refusal):
        return chosen
    found, inside = chosen
    for node in inside:
        left, operator, right = node.child("left"), node.child("operator"), node.child("right")
        if left is None or operator is None or right is None or left.type != "identifier":
            continue
        sign = source.text(operator).removesuffix("=")
        if sign and sign in "+-*" and _keeps_type(source, found, left, right):
            text = source.text(left)
            return Edits([Edit(node.start, node.end, f"{text} = {text} {sign} {closed(source, right)}")])
    return Refusal("no compound assignment without a conversion in it")


def _keeps_type(source: Source, found: Unit, left: Node, right: Node) -> bool:
    """Whether `x op y` has the type of x: else `x op= y` converts, and `x = x op y` does not compile."""
    type_, other = type_of(source, found, left), type_of(source, found, right)
    if source.language == "c":
        return type_ in NUMBERS  # an assignment converts as a compound one does
    if type_ == "String":
        return other in NUMBERS | {"String", "boolean"}
    return type_ in WIDTH and other in NUMBERS and WIDTH[type_] >= WIDTH.get(other, 1)


def plain_to_compound(source: Source, rng: random.Random) -> Edits | Refusal:
    """`x = x + y` becomes `x += y`."""
    chosen = _chosen(source, rng, "assignment_expression")
    if isinstance(chosen, Refusal):
        return chosen
    found, inside = chosen
    for node in inside:
        left, operator, right = node.child("left"), node.child("operator"), node.child("right")
        if left is None or operator is None or right is None or source.text(operator) != "=":
            continue
        inner, sign, value = right.child("left"), right.child("operator"), right.child("right")
        if right.type != "binary_expression" or inner is None or sign is None or value is None:
            continue
        same = left.type == "identifier" and source.text(inner) == source.text(left)
        if same and source.text(sign) in ("+", "-", "*") and _keeps_type(source, found, left, value):
            text = f"{source.text(left)} {source.text(sign)}= {source.text(value)}"
            return Edits([Edit(node.start, node.end, text)])
    return Refusal("no x = x + y without a conversion in it")


def increment_form(source: Source, rng: random.Random) -> Edits | Refusal:
    """`i++` whose value nobody takes becomes `i = i + 1`, `i += 1` or `++i`."""
    chosen = _chosen(source, rng, "update_expression")
    if isinstance(chosen, Refusal):
        return chosen
    found, inside = chosen
    for node in inside:
        parent = node.parent
        unused = parent is not None and (parent.type == "expression_statement" or node.field == "update")
        name = next((child for child in node.children if child.type == "identifier"), None)
        sign = next((child.type for child in node.children if child.type in ("++", "--")), "")
        if not unused or name is None or not sign or type_of(source, found, name) not in ("int", "long"):
            continue
        text = source.text(name)
        forms = [f"{text} = {text} {sign[0]} 1", f"{text} {sign[0]}= 1", f"{sign}{text}", f"{text}{sign}"]
        others = [form for form in forms if form != source.text(node)]
        return Edits([Edit(node.start, node.end, rng.choice(others))])
    return Refusal("no increment of a plain int as a statement")


def literal_to_variable(source: Source, rng: random.Random) -> Edits | Refusal:
    """An int literal becomes a variable that is set just before."""
    chosen = _chosen(source, rng, "decimal_integer_literal", "number_literal")
    if isinstance(chosen, Refusal):
        return chosen
    found, inside = chosen
    lines = {id(node) for node in statements(source, found)}
    for node in inside:
        statement = next((outer for outer in node.ancestors() if id(outer) in lines), None)
        if statement is None or literal_type(source, node) != "int" or source.text(node) == "0":
            continue
        if _is_free_place(source, found, node, statement):
            name = fresh(rng, found.words, found.dialect.style)
            first = insert_before(source, statement, f"int {name} = {source.text(node)};")
            return Edits([first, Edit(node.start, node.end, name)])
    return Refusal("no int literal in a place where any int may stand")


def _is_free_place(source: Source, found: Unit, node: Node, statement: Node) -> bool:
    """Whether a literal stands where a variable may: no constant is asked for, no narrowing, no reachability."""
    if statement.type not in (
        "expression_statement",
        "return_statement",
        found.dialect.declaration,
        "if_statement",
    ):
        return False
    for outer in node.ancestors():
        if outer is statement:
            break
        if outer.type in ("argument_list", "binary_expression", "parenthesized_expression", "if_statement"):
            continue
        if outer.type not in ("method_invocation", "call_expression", "variable_declarator", "init_declarator",
                              "assignment_expression"):  # fmt: skip
            return False
    if statement.type == "if_statement" and (condition := statement.child("condition")) is not None:
        return condition.start <= node.start < condition.end
    if statement.type == found.dialect.declaration:
        type_ = statement.child("type")
        is_final = source.text(statement).startswith(("final", "const", "static"))
        return not is_final and type_ is not None and source.text(type_) in ("int", "long", "double")
    if statement.type == "return_statement" or _assigns(statement):
        return _assigned_type(source, found, statement) in ("int", "long", "double")
    return True


def _assigns(statement: Node) -> bool:
    return bool(statement.children) and statement.children[0].type == "assignment_expression"


def _assigned_type(source: Source, found: Unit, statement: Node) -> str:
    """The type that a statement's value is converted to."""
    if statement.type == "return_statement":
        type_ = found.function.child("type")
        declarator = found.function.child("declarator")
        is_pointer = declarator is not None and declarator.type == "pointer_declarator"
        return source.text(type_) if type_ is not None and not is_pointer else ""
    return type_of(source, found, statement.children[0].child("left"))


def neutral_element(source: Source, rng: random.Random) -> Edits | Refusal:
    """`3` becomes `(3 + 0)`; `if (a)` becomes `if ((a) && true)`."""
    chosen = _chosen(
        source, rng, "decimal_integer_literal", "number_literal", "if_statement", "while_statement"
    )
    if isinstance(chosen, Refusal):
        return chosen
    found, inside = chosen
    for node in inside:
        if node.type in ("if_statement", "while_statement"):
            condition = node.child("condition")
            if condition is None or condition.type != "parenthesized_expression":
                continue
            text = f"({source.text(condition)} && {found.dialect.true})"
            return Edits([Edit(condition.start, condition.end, text)])
        # 0 may be a null pointer; 2147483648 is only written behind a minus.
        if literal_type(source, node) in INTEGERS and source.text(node).rstrip("lL") != "0":
            return Edits([Edit(node.start, node.end, f"({source.text(node)} + 0)")])
    return Refusal("no int literal or condition")
