"""The syntax tree of a Java source, and what its nodes say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

DECLARATIONS = ("class_declaration", "interface_declaration", "enum_declaration", "record_declaration")
BLOCKS = ("block", "constructor_body", "switch_block_statement_group")
"""Nodes that hold any number of statements."""


@lru_cache(maxsize=1)
def _parser() -> Any:
    import tree_sitter
    import tree_sitter_java

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_java.language()))


def parse(data: bytes) -> Any:
    """The root of the syntax tree of a source in UTF-8."""
    return _parser().parse(data).root_node


def walk(node: Any, but: Collection[str] = ()) -> Iterator[Any]:
    """A node and all below it, in the order of the text, but for nodes of some types and what is below them."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(child for child in reversed(node.children) if child.type not in but)


def text(node: Any) -> str:
    """The source of a node, "" for none."""
    return "" if node is None else str(node.text.decode())


def name_of(node: Any) -> str:
    """The name that a node declares or calls."""
    return text(node.child_by_field_name("name"))


def is_assertion(node: Any) -> bool:
    """Whether a node is a statement that does nothing but assert."""
    call = node.named_children[0] if node.type == "expression_statement" else None
    while call is not None and call.type == "method_invocation":
        if name_of(call).startswith("assert"):
            return True
        call = call.child_by_field_name("object")
    return False


def members(body: Any) -> list[Any]:
    """What stands in the body of a class, or of an enumeration, whose methods stand one level lower."""
    if body is None:
        return []
    nested = [child for child in body.children if child.type == "enum_body_declarations"]
    return [member for holder in [body, *nested] for member in holder.children]
