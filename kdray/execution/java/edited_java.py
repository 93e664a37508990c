"""A Java test with another text in place of its assertions, as they were cut out of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from kdray.corpus.example import Example
from kdray.corpus.java import PLACEHOLDER, assertions, cut
from kdray.corpus.java_tree import BLOCKS, DECLARATIONS, name_of, parse, text, walk
from kdray.errors import DataError
from kdray.execution.java.java_runs import JavaTest

REACHED = "if (true) throw new kdray.KdrayReached();"
"""Stands for the assertions where it is asked whether the run comes to them."""
ABSENT = "the test is not in its file as the corpus has it: was another version mined?"
_KITS = (
    (re.compile(r"\borg\.junit\.jupiter\b"), "KdrayJUnit5"),
    (re.compile(r"\borg\.junit\b|\bjunit\.framework\b"), "KdrayJUnit4"),
)


@dataclass(frozen=True)
class EditedJava:
    """The source of a test, and where its assertions stand.

    Attributes:
        test: as JUnit is asked for it.
        is_abstract: whether its class cannot be run itself.
    """

    test: JavaTest
    is_abstract: bool
    _data: bytes
    _holes: tuple[tuple[int, int, bool], ...]

    @classmethod
    def of(cls, data: bytes, example: Example) -> EditedJava:
        """Finds it in its file's source. Raises `DataError` where it is not there, or of no kit that is known."""
        method = _method(parse(data), data, example)
        holes = tuple((n.start_byte, n.end_byte, n.parent.type in BLOCKS) for n in assertions(method))
        return cls._of(data, method, holes)

    @classmethod
    def wanted(cls, source: str) -> EditedJava:
        """The test that holds the placeholder of a source. Raises `DataError` where it stands in none."""
        mark = PLACEHOLDER.search(source)
        begin, length = (len(source[: mark.start()].encode()), len(mark[0].encode())) if mark else (0, 0)
        data = source.encode()
        method = parse(data[:begin] + b";" * length + data[begin + length :]).descendant_for_byte_range(
            begin, begin + 1
        )
        while method is not None and method.type != "method_declaration":
            method = method.parent
        if mark is None or method is None:
            raise DataError("the placeholder must stand in a method")
        return cls._of(data, method, ((begin, begin + length, True),))

    @classmethod
    def _of(cls, data: bytes, method: Any, holes: tuple[tuple[int, int, bool], ...]) -> EditedJava:
        kit = next((kit for words, kit in _KITS if words.search(data.decode())), "")
        holders = _holders(method)
        modifiers = [
            child.type for part in holders[0].children if part.type == "modifiers" for child in part.children
        ]
        names = "$".join(name_of(holder) for holder in reversed(holders))
        package = package_of(_root(method))
        parameters = sum(
            child.type in ("formal_parameter", "spread_parameter")
            for child in method.child_by_field_name("parameters").named_children
        )
        test = JavaTest(kit, f"{package}.{names}" if package else names, name_of(method), parameters)
        return cls(test, "abstract" in modifiers, data, holes)

    def edited(self, said: str) -> str:
        """The file with a text in place of the assertions; "" leaves them out."""
        pieces, at = [], 0
        for number, (start, end, in_block) in enumerate(self._holes):
            new = said if number == 0 else ""
            new += "\n" if "//" in new else ""  # a comment ends with its own line
            if not in_block:  # the only statement of an `if`
                new = f"{{ {new}\n}}" if new else ";"
            pieces += [self._data[at:start], new.encode("utf-8", "replace")]
            at = end
        return b"".join([*pieces, self._data[at:]]).decode()


def package_of(root: Any) -> str:
    """The package that a file declares, or ""."""
    found = next((node for node in root.children if node.type == "package_declaration"), None)
    names = [] if found is None else [child for child in found.named_children if "identifier" in child.type]
    return re.sub(r"\s", "", text(names[-1])) if names else ""


def _method(root: Any, data: bytes, example: Example) -> Any:
    holder, _, name = example.test.rpartition(".")
    for node in walk(root):
        if node.type == "method_declaration" and name_of(node) == name:
            around = _holders(node)
            if around and name_of(around[0]) == holder and cut(node, data) == _cut_of(example):
                return node
    raise DataError(ABSENT)


def _cut_of(example: Example) -> tuple[str, str, str]:
    return example.context, example.target, example.after


def _root(node: Any) -> Any:
    while node.parent is not None:
        node = node.parent
    return node


def _holders(node: Any) -> list[Any]:
    """The classes that a node stands in, the innermost first."""
    holders = []
    while (node := node.parent) is not None:
        if node.type in DECLARATIONS:
            holders.append(node)
    return holders
