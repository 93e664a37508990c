"""Statements of Java and C: where one can insert, wrap and move.

Unlike Python's, lines mean nothing here; indentation is kept only so that variants look like code somebody wrote.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from kdray.metamorphic.transforms.base import Edit, Refusal
from kdray.metamorphic.transforms.curly import Unit
from kdray.metamorphic.transforms.dialects import unit
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
INNER_CODE = frozenset({"lambda_expression", "class_body"})
"""Code that is not run where it stands."""


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
            and not any(outer.type in INNER_CODE for outer in node.ancestors())
        ]
    found: list[Node] = source.memory["statements"]
    return found


def chosen_nodes(
    source: Source, rng: random.Random, types: tuple[str, ...], suits: Callable[[Node], bool]
) -> tuple[Unit, list[Node]] | Refusal:
    """The unit and its nodes of some types in the context's code that suit, in a random order."""
    found = unit(source)
    if isinstance(found, str):
        return Refusal(found)
    inside = [
        node
        for node in source.of(*types)
        if found.body.start < node.start and node.end <= source.boundary and suits(node)
    ]
    rng.shuffle(inside)
    return found, inside


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


def as_block(source: Source, unit: Unit, node: Node) -> str:
    """A statement's text, in braces."""
    text = source.text(node)
    return text if node.type == unit.dialect.block else f"{{ {text}\n{indentation(source, node)}}}"


def has_directive(node: Node) -> bool:
    """Whether a preprocessor directive stands within: such lines do not move."""
    return any(inner.type.startswith("preproc") for inner in node.walk())


def is_labelled(node: Node) -> bool:
    """Whether something may jump to a statement, or out of it, by its label."""
    return node.parent is not None and node.parent.type in ("labeled_statement", "case_statement")


def own_jumps(body: Node, kind: str) -> list[Node]:
    """The `break` or `continue` statements that belong to the loop (or switch) whose body this is."""
    catching = LOOPS | INNER_CODE
    if kind == "break_statement":
        catching = catching | {"switch_expression", "switch_statement"}
    stack, found = [body], []
    while stack:
        node = stack.pop()
        if node.type == kind:
            found.append(node)
        if node.type not in catching:
            stack += node.children
    return found


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
