"""Source text as a tree of plain nodes, parsed once for all transformations of a case.

tree-sitter parses; its tree is copied into `Node`s because walking those is several times faster than asking
the binding for parents and fields, and every transformation walks. Nothing here recurses: source may nest as
deep as it likes.
"""

from __future__ import annotations

import importlib
import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

MAX_BYTES = 1 << 20
"""Longer sources are refused: no test is, and a transformation must not take minutes on a generated file."""

CLOSERS = {"python": (b"",), "java": (b"", b"\n}"), "c": (b"", b"\n}")}
"""What may be missing at the end of a test that is cut before or after its assertion."""
HOLDERS = {"python": (("", b""),), "java": (("", b""), ("class Holder {", b"\n}")), "c": (("", b""),)}
"""What a function may have to stand in: Java's constructors are none outside of a class."""
BREAKS = {"python": b"\0\f", "java": b"\0", "c": b"\0"}
"""Characters that end a line or begin one anew, or that no parser takes."""


class Node:
    """A syntax node: type, byte and row range, field name in its parent, family."""

    __slots__ = ("children", "end", "end_row", "field", "parent", "row", "start", "type")

    def __init__(self, node: Any, field: str | None, parent: Node | None) -> None:
        self.type: str = node.type
        self.start: int = node.start_byte
        self.end: int = node.end_byte
        self.row: int = node.start_point[0]
        self.end_row: int = node.end_point[0]
        self.field = field
        self.parent = parent
        self.children: list[Node] = []

    def child(self, field: str) -> Node | None:
        """The first child in a field."""
        return next((child for child in self.children if child.field == field), None)

    def ancestors(self) -> Iterator[Node]:
        """Parent, its parent, and so on."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in the order of the text."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))


class Source:
    """Parsed code: context and target as one text.

    Attributes:
        language: of the code.
        data: UTF-8 of context + target, and what closes the function where both end within it.
        boundary: length of the context in bytes.
        end: length of context + target in bytes.
        line_ends: what lines of the context and of the target end with; nodes count bytes as they stand.
        nodes: all nodes in the order of the text; the first is the root.
    """

    def __init__(
        self,
        language: str,
        data: bytes,
        boundary: int,
        end: int,
        nodes: list[Node],
        line_ends: tuple[str, str] = ("\n", "\n"),
    ) -> None:
        self.language, self.data, self.nodes = language, data, nodes
        self.boundary, self.end, self.line_ends = boundary, end, line_ends
        self.memory: dict[str, Any] = {}

    @property
    def root(self) -> Node:
        """The whole text."""
        return self.nodes[0]

    def text(self, node: Node) -> str:
        """A node's text."""
        return self.data[node.start : node.end].decode()

    def line_start(self, at: int) -> int:
        """The offset of the line that `at` stands in."""
        return self.data.rfind(b"\n", 0, at) + 1

    def of(self, *types: str) -> list[Node]:
        """All nodes of some types, in order."""
        return [node for node in self.nodes if node.type in types]


@lru_cache(maxsize=3)
def _parser(language: str) -> Any:
    from tree_sitter import Language, Parser

    grammar = importlib.import_module(f"tree_sitter_{language}")
    return Parser(Language(grammar.language()))


@lru_cache(maxsize=8)
def parse(language: str, context: str, target: str) -> Source | str:
    """The parsed code, or why it cannot be worked on."""
    try:
        head, tail = context.encode(), target.encode()
    except UnicodeEncodeError:
        return "not UTF-8"
    if len(head) + len(tail) > MAX_BYTES:
        return f"longer than {MAX_BYTES} bytes"
    data = head + tail
    if any(sign in data for sign in BREAKS[language]) or LONE_RETURN.search(head) or LONE_RETURN.search(tail):
        return "holds control characters that break lines"
    if language == "java" and ESCAPED_SYNTAX.search(data):
        return "holds syntax that is written as escapes"
    line_ends = _line_end(context), _line_end(target)
    for opener, ender in HOLDERS[language]:
        for closer in CLOSERS[language]:
            nodes = _nodes(language, opener.encode(), data + closer, ender)
            if nodes:
                return Source(language, data + closer, len(head), len(data), nodes, line_ends)
    return "does not parse"


LONE_RETURN = re.compile(rb"\r(?!\n)")
ESCAPED_SYNTAX = re.compile(rb"\\u+00(?:0[aAdD]|2[27aAfF]|5[cC])")
"""Java reads these before anything else: a quote, the end of a line or of a comment that no parser here sees."""


def _line_end(text: str) -> str:
    return "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"


def _nodes(language: str, opener: bytes, data: bytes, ender: bytes) -> list[Node]:
    """The nodes of some code that may stand in a class, without that class; none where it does not parse."""
    tree = _parser(language).parse(opener + data.replace(b"\r\n", b"\n") + ender)
    if tree.root_node.has_error:
        return []
    nodes = _copy(tree)
    if opener:
        holder = next(node for node in nodes if node.type == "class_body")
        holder.type, holder.parent, holder.children = "program", None, holder.children[1:-1]
        nodes = list(holder.walk())
    # The parser has not seen the returns before newlines; nodes count them.
    returns = [match.start() - number for number, match in enumerate(re.finditer(rb"\r\n", data))]
    if opener or returns:
        for node in nodes:
            start, end = max(node.start - len(opener), 0), node.end - len(opener)
            node.start, node.end = start + bisect_left(returns, start), end + bisect_left(returns, end)
    return nodes


def _copy(tree: Any) -> list[Node]:
    cursor = tree.walk()
    node = Node(cursor.node, None, None)
    nodes = [node]
    while True:
        if cursor.goto_first_child():
            parent = node
        else:
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return nodes
                node = node.parent  # type: ignore[assignment]
            parent = node.parent  # type: ignore[assignment]
        node = Node(cursor.node, cursor.field_name, parent)
        parent.children.append(node)
        nodes.append(node)
