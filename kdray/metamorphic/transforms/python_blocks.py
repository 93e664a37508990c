"""Python statements as lines: where one can insert, indent and move.

Shared by the transformations of control flow. A statement is only touched where it has its lines to itself.
"""

from __future__ import annotations

import random

from kdray.metamorphic.transforms.base import Edit, Refusal
from kdray.metamorphic.transforms.python_binding import scope_of
from kdray.metamorphic.transforms.python_scope import Names, names_of
from kdray.metamorphic.transforms.tree import Node, Source


def statements(source: Source, names: Names) -> list[Node]:
    """Statements of the context in the function's own scope that have their lines to themselves."""
    if "statements" not in source.memory:
        source.memory["statements"] = [
            node
            for node in source.nodes
            if node.parent is not None
            and node.parent.type == "block"
            and node.type not in ("comment", ";", "case_clause")
            and node.end <= source.boundary
            and not is_bare_string(node)
            and has_own_lines(source, node)
            and scope_of(node) is names.function
        ]
    nodes: list[Node] = source.memory["statements"]
    return nodes


def names_unseen(source: Source) -> Names | Refusal:
    """The names, for what adds, removes, renames or reorders some: refused where somebody may look."""
    names = names_of(source)
    if isinstance(names, str):
        return Refusal(names)
    return Refusal("somebody may look variables up by name") if names.sees_frames else names


def chosen_statements(
    source: Source, rng: random.Random, types: tuple[str, ...] = (), names_stay: bool = False
) -> tuple[Names, list[Node]] | Refusal:
    """The names and the statements of some types (all without) in a random order.

    Args:
        source: the source.
        rng: shuffles.
        types: of statements.
        names_stay: whether the variant has the same names in the same order.
    """
    names: Names | Refusal | str = names_of(source) if names_stay else names_unseen(source)
    if not isinstance(names, Names):
        return Refusal(names) if isinstance(names, str) else names
    nodes = [node for node in statements(source, names) if not types or node.type in types]
    rng.shuffle(nodes)
    return names, nodes


def is_bare_string(node: Node) -> bool:
    """Whether a statement is a docstring or could become one."""
    return node.type == "expression_statement" and node.children[0].type in ("string", "concatenated_string")


def has_own_lines(source: Source, node: Node) -> bool:
    """Whether nothing else stands on the lines of a statement."""
    start = source.line_start(node.start)
    before = source.data[start : node.start]
    if source.data[max(start - 3, 0) : start].endswith((b"\\\n", b"\\\r\n")):
        return False  # a line that goes on
    newline = source.data.find(b"\n", node.end)
    after = source.data[node.end : newline if newline >= 0 else len(source.data)]
    # A block statement may end beyond its last line.
    ends_line = node.end > 0 and source.data[node.end - 1 : node.end] == b"\n"
    return not before.strip() and (ends_line or not after.split(b"#")[0].strip())


def indentation(source: Source, node: Node) -> str:
    """The white space before a statement."""
    return source.data[source.line_start(node.start) : node.start].decode()


def deeper(indent: str) -> str:
    """What one more level of a block begins with."""
    return indent + ("\t" if "\t" in indent else "    ")


def insert_before(source: Source, node: Node, *lines: str) -> Edit:
    """Lines (without indentation) in front of a statement."""
    start, indent = source.line_start(node.start), indentation(source, node)
    return Edit(start, start, "".join(f"{indent}{line}\n" for line in lines))


def has_long_string(node: Node) -> bool:
    """Whether moving the lines of a statement would change a string."""
    return any(inner.type == "string" and inner.end_row > inner.row for inner in node.walk())


def indent_lines(source: Source, start: int, end: int, step: str) -> list[Edit]:
    """One more level for every line that begins in [start, end)."""
    edits = []
    at = source.line_start(start)
    while at < end:
        newline = source.data.find(b"\n", at)
        newline = newline if newline >= 0 else len(source.data)
        if source.data[at:newline].strip():
            edits.append(Edit(at, at, step))
        at = newline + 1
    return edits


def block_of(node: Node | None) -> Node | None:
    """The block of a clause."""
    if node is None:
        return None
    return next((child for child in node.children if child.type == "block"), None)


def is_indented_block(source: Source, block: Node | None) -> bool:
    """Whether a block begins on a line of its own."""
    if block is None or not block.children:
        return False
    first = block.children[0]
    return not source.data[source.line_start(first.start) : first.start].strip()


def body_text(source: Source, block: Node) -> str:
    """The lines of an indented block, with their indentation and a newline at the end."""
    start = source.line_start(block.children[0].start)
    return source.data[start : last_end(block)].decode() + "\n"


def last_end(node: Node) -> int:
    """Where the last statement of a block ends, without white space after it."""
    last = node
    # A block that the parser made up for broken source may be empty.
    while last.children and "block" in (last.type, last.children[-1].type):
        last = last.children[-1]
    return last.end
