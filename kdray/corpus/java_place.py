"""Whether the assertions of a Java test can all stand where the first of them stood, and nothing else tells them.

They are cut out and asked for together at the first one's place. That makes another test of it where a later one
stands outside the block of the first (the other branch of an `if`, behind a loop), or names a variable that is
declared between the two. And a check that stays in the test tells what the cut ones say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from kdray.corpus.java_tree import BLOCKS, is_assertion, name_of, text, walk
from kdray.errors import DataError

_DECLARES = {
    "variable_declarator": "name",
    "enhanced_for_statement": "name",
    "resource": "name",
    "catch_formal_parameter": "name",
    "instanceof_expression": "name",
}
"""Node that declares a variable -> the field with its name."""
_PATTERNS = ("type_pattern", "record_pattern_component")
_FAILS = re.compile(r"(?:[\w.]*\.)?(?:Assert|Assertions|TestCase|Fail)")
_MOCKS = re.compile(r"(?:[\w.]*\.)?Mockito|\w*[iI]nOrder\w*")


def check_place(method: Any, assertions: Sequence[Any]) -> None:
    """Raises `DataError` with the reason where the assertions of a test cannot be asked for at one place."""
    first = assertions[0]
    inside = [first]
    if first.parent.type in BLOCKS:
        inside.append(first.parent)
    if any(not (inside[-1].start_byte <= node.start_byte < inside[-1].end_byte) for node in assertions):
        raise DataError("an assertion outside the block of the first one")
    declared = list(_declared(method))
    for node in assertions[1:]:
        between = {name for name, at in declared if first.end_byte <= at < node.start_byte}
        if between & {text(inner) for inner in walk(node) if inner.type == "identifier"}:
            raise DataError("an assertion that names a variable declared behind the first one")
    if any(_is_check(node) and not _is_within(node, assertions) for node in walk(method)):
        raise DataError("another check that would stay visible")


def _declared(method: Any) -> Iterator[tuple[str, int]]:
    """Name and place of each variable of a method."""
    for node in walk(method):
        if node.type in _DECLARES:
            name = node.child_by_field_name(_DECLARES[node.type])
            if name is not None:
                yield text(name), name.start_byte
        elif node.type in _PATTERNS:
            names = [child for child in node.named_children if child.type == "identifier"]
            yield from ((text(name), name.start_byte) for name in names[-1:])


def _is_within(node: Any, assertions: Sequence[Any]) -> bool:
    return any(
        outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte for outer in assertions
    )


def _is_check(node: Any) -> bool:
    """`assert x`, an assertion whose value is used, `fail(...)`, or what a mock verifies."""
    if node.type == "assert_statement" or is_assertion(node):
        return True
    if node.type != "method_invocation":
        return False
    name, receiver = name_of(node), text(node.child_by_field_name("object"))
    if name == "fail":
        return not receiver or bool(_FAILS.fullmatch(receiver))
    if name.startswith("verify"):
        return not receiver or bool(_MOCKS.fullmatch(receiver))
    return name.startswith("assert") or (name == "expectThrows" and not receiver)
