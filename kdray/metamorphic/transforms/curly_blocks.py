"""Statements of Java and C: where one can insert, wrap and move.

Unlike Python's, lines mean nothing here; indentation is kept only so that variants look like code somebody wrote.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from kdray.metamorphic.transforms.base import Edit, Refusal
from kdray.metamorphic.transforms.curly import Unit
from kdray.metamorphic.transforms.dialects import unit_of
from kdray.metamorphic.transforms.tree import Node, Source

NO_STATEMENT = frozenset(
    {
        "{",
        "}",
        ";",
        "comment",
        "line_comment",
        "block_comment",
        "explicit_constructor_invocation",
        "case_statement",
    }
)
JUMPS = frozenset({"return_statement", "break_statement", "continue_statement", "throw_statement",
                   "yield_statement", "goto_statement"})  # fmt: skip
LOOPS = frozenset({"for_statement", "while_statement", "do_statement", "enhanced_for_statement"})
INNER_CODE = frozenset({"lambda_expression", "class_body", "function_definition"})
"""Code that is not run where it stands."""
SWITCHES = frozenset({"switch_statement", "switch_expression"})
ARMS = frozenset({"case_statement", "switch_block_statement_group"})


def statements(source: Source, unit: Unit) -> list[Node]:
    """Statements of the context that stand directly in a block of the function."""
    if "statements" not in source.memory:
        blocks = {unit.dialect.block, "constructor_body"}
        source.memory["statements"] = [
            node
            for node in source.nodes
            if node.parent is not None
            and node.parent.type in blocks
            and node.type not in NO_STATEMENT
            and not node.type.startswith("preproc")
            and node.end <= source.boundary
            and node.start > unit.body.start
            and not _is_elsewhere(unit, node)
        ]
    nodes: list[Node] = source.memory["statements"]
    return nodes


def _is_elsewhere(unit: Unit, node: Node) -> bool:
    """Whether a statement does not run where it stands, has a value, or is what a switch jumps over."""
    if node.parent is not None and node.parent.parent is not None and node.parent.parent.type in SWITCHES:
        return True
    return any(
        (outer.type in INNER_CODE and outer is not unit.function) or is_statement_expression(outer)
        for outer in node.ancestors()
    )


def is_statement_expression(node: Node) -> bool:
    """Whether a block is GNU's `({ ... })`: its last statement is its value, and a macro may be handed it."""
    outer = node.parent
    return (
        node.type == "compound_statement" and outer is not None and outer.type == "parenthesized_expression"
    )


def chosen_nodes(
    source: Source, rng: random.Random, types: tuple[str, ...], suits: Callable[[Node], bool]
) -> tuple[Unit, list[Node]] | Refusal:
    """The unit and its nodes of some types in the context's code that suit, in a random order."""
    unit = unit_of(source)
    if isinstance(unit, str):
        return Refusal(unit)
    inside = [
        node
        for node in source.of(*types)
        if unit.body.start < node.start
        and node.end <= source.boundary
        and suits(node)
        and not _is_foreign(unit, node)
    ]
    rng.shuffle(inside)
    return unit, inside


def _is_foreign(unit: Unit, node: Node) -> bool:
    """Whether a node stands in a nested C function or in GNU's `({ ... })`."""
    return any(
        is_statement_expression(outer) or (outer.type == "function_definition" and outer is not unit.function)
        for outer in node.ancestors()
    )


def chosen_statements(source: Source, rng: random.Random, *types: str) -> tuple[Unit, list[Node]] | Refusal:
    """The unit and its statements of some types that may be rewritten, in a random order."""
    return chosen_nodes(source, rng, types, lambda node: not is_labelled(node) and not has_directive(node))


def indentation(source: Source, node: Node) -> str:
    """The white space that a statement's line begins with."""
    line = source.data[source.line_start(node.start) : node.start].decode()
    return line[: len(line) - len(line.lstrip())]


def insert_before(source: Source, node: Node, text: str) -> Edit:
    """Statements in front of a statement, on lines of their own."""
    return Edit(node.start, node.start, f"{text}\n{indentation(source, node)}")


def takes_statement(unit: Unit, node: Node) -> bool:
    """Whether a statement may stand in front of one: C of old wants all declarations of a block first."""
    if unit.dialect.block != "compound_statement" or node.parent is None:
        return True
    before = [sibling for sibling in node.parent.children if sibling.end <= node.start]
    after = [sibling for sibling in node.parent.children if sibling.start >= node.start]
    declares = any(
        inner.type == "declaration"
        for sibling in after
        for inner in (sibling.walk() if sibling.type.startswith("preproc") else (sibling,))
    )
    if declares or not _may_declare(unit, node):
        return not declares
    first = ("{", "comment", "declaration")
    return any(sibling.type not in first and not _may_declare(unit, sibling) for sibling in before)


def _may_declare(unit: Unit, node: Node) -> bool:
    """Whether a statement is nothing but what may be a macro, and so may be a declaration."""
    inner = node.children[0] if node.type == "expression_statement" and node.children else None
    return inner is not None and inner.type in ("call_expression", "identifier") and unit.has_stranger(inner)


def declaration_place(unit: Unit, node: Node) -> Node | None:
    """Where a declaration may stand that holds for a statement; None where a jump may pass it over."""
    if unit.dialect.block != "compound_statement" or node.type == "declaration" or node.parent is None:
        return node
    passed_over = ("{", "comment", "declaration")
    first = next(sibling for sibling in node.parent.children if sibling.type not in passed_over)
    jumped_to = ("labeled_statement", "case_statement")
    if first is not node and any(inner.type in jumped_to for inner in node.parent.walk()):
        return None
    return first


def as_block(source: Source, unit: Unit, node: Node) -> str:
    """A statement's text, in braces."""
    text = source.text(node)
    return text if node.type == unit.dialect.block else f"{{ {text}\n{indentation(source, node)}}}"


def has_directive(node: Node) -> bool:
    """Whether a preprocessor directive stands within: such lines do not move."""
    return any(inner.type.startswith("preproc") for inner in node.walk())


def is_labelled(node: Node) -> bool:
    """Whether something may jump to a statement by its label, or an arrow may have no other."""
    return node.parent is not None and node.parent.type in (
        "labeled_statement",
        "case_statement",
        "switch_rule",
    )


def holds_foreign_case(node: Node) -> bool:
    """Whether a case of a switch around a statement stands in it, as in Duff's device."""
    for inner in node.walk():
        if inner.type in ARMS:
            home = next(
                (outer for outer in inner.ancestors() if outer.type in SWITCHES or outer is node), node
            )
            if home.type not in SWITCHES or (home is node and node.type not in SWITCHES):
                return True
    return False


def is_shown(unit: Unit, node: Node) -> bool:
    """Whether an expression's text may be seen: it is an argument of what may be a macro, or of an annotation."""
    for outer in node.ancestors():
        function = outer.child("function") if outer.type == "call_expression" else None
        if function is not None and unit.has_stranger(function):
            return True
        if outer.type in ("attribute_specifier", "gnu_asm_expression", "macro_type_specifier"):
            return True
    return False


def binds_pattern(node: Node) -> bool:
    """Whether a variable is declared by a Java pattern: its scope depends on what is certainly true after."""
    return any(
        inner.type in ("instanceof_expression", "record_pattern", "type_pattern")
        and (
            inner.type != "instanceof_expression"
            or (inner.child("name") or inner.child("pattern")) is not None
        )
        for inner in node.walk()
    )


def own_jumps(body: Node, kind: str) -> list[Node]:
    """The `break` or `continue` statements that belong to the loop (or switch) whose body this is."""
    catching = LOOPS | INNER_CODE
    if kind == "break_statement":
        catching = catching | {"switch_expression", "switch_statement"}
    stack, jumps = [body], []
    while stack:
        node = stack.pop()
        if node.type == kind:
            jumps.append(node)
        if node.type not in catching:
            stack += node.children
    return jumps


def has_labelled_jump(body: Node) -> bool:
    """Whether some jump names a label."""
    return any(
        node.type in ("break_statement", "continue_statement")
        and any(child.type in ("identifier", "statement_identifier") for child in node.children)
        for node in body.walk()
    )


def clause(node: Node) -> tuple[Node, Node, Node | None] | None:
    """Condition (in parentheses), first branch and second of an if statement; C wraps the second in a clause."""
    condition, then, other = node.child("condition"), node.child("consequence"), node.child("alternative")
    if condition is None or then is None:
        return None
    if other is not None and other.type == "else_clause":
        inner = [child for child in other.children if child.type not in ("else", "comment")]
        other = inner[0] if len(inner) == 1 else None
        if other is None:
            return None
    return condition, then, other
