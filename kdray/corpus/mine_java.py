"""Mines the tests of Java checkouts: the files, which of their methods are tests, and an example of each.

A test is a method with an annotation such as `@Test`, `@ParameterizedTest` or `@Theory` (JUnit, TestNG), a public
method of a class with `@Test` (TestNG), or a `void test...()` without parameters (JUnit 3); of a class, record,
interface or enumeration, or of a file that names none (Java 25).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kdray.corpus.decode import java_text
from kdray.corpus.example import Example
from kdray.corpus.java import cut_or_say
from kdray.corpus.java_focal import JavaFocal
from kdray.corpus.java_tree import DECLARATIONS, members, name_of, parse, text, walk
from kdray.corpus.left_out import LeftOut
from kdray.corpus.origin import Origin
from kdray.corpus.rows import files_below
from kdray.corpus.source_files import read_source
from kdray.corpus.splits import split_of
from kdray.storage import fingerprint

_MARKS = ("TestTemplate", "Theory", "Property")
"""Annotations of tests that do not end in `Test`: of JUnit and jqwik."""
_LOOKS_LIKE_TESTS = re.compile(
    rf"@\s*[\w.]*(?:Test|{'|'.join(_MARKS)})\b|\bvoid\s+test\w*\s*\(\s*\)".encode()
)


def source_files(root: Path, left_out: LeftOut) -> list[Path]:
    """All Java sources below `root`, sorted."""
    return [path for path in files_below(root, left_out) if path.suffix == ".java"]


def mine_file(path: Path, group: str, focal: JavaFocal, origin: Origin, left_out: LeftOut) -> list[Example]:
    """The examples of one file; empty where it cannot be read or holds no tests.

    Args:
        path: the file.
        group: its name for the split, `project/path/of/File.java`.
        focal: resolves the code under test.
        origin: of the checkout.
        left_out: counts what is no example.
    """
    data = b""
    with left_out.rather_than_fail(group):
        data = java_text(read_source(path), origin.encoding).encode()
    # What is in UTF-16 says it between other bytes.
    if not _LOOKS_LIKE_TESTS.search(data):
        return []
    examples = []
    for method, class_name in _tests(root := parse(data), path.stem):
        name = f"{class_name}.{name_of(method)}"
        with left_out.rather_than_fail(f"{group} {name}"):
            cut = cut_or_say(method, data)
            examples.append(
                Example(
                    id=fingerprint(group, name, *cut),
                    group=group,
                    language="java",
                    test=name,
                    focal=focal.find(class_name, path, method),
                    context=cut.context,
                    target=cut.target,
                    split=split_of(group),
                    after=cut.after,
                    repo=origin.repo,
                    commit=origin.commit,
                    license=origin.license,
                )
            )
    if root.has_error:
        _count_broken(root, group, left_out)
    return examples


def _count_broken(root: Any, group: str, left_out: LeftOut) -> None:
    """Counts what the parser could not read outside of the methods that it found."""
    broken = next((node for node in walk(root) if node.type == "ERROR" and not _in_method(node)), None)
    if broken is not None:
        left_out.add(
            "a part of a file that the parser does not know", f"{group}: line {broken.start_point[0] + 1}"
        )


def _in_method(node: Any) -> bool:
    while node is not None and node.type != "method_declaration":
        node = node.parent
    return node is not None


def _tests(root: Any, file_name: str) -> Iterator[tuple[Any, str]]:
    """The test methods of a file, each with the name of its class."""
    for node in walk(root):
        if node.type not in (*DECLARATIONS, "program"):
            continue
        body, class_name = (
            (node, file_name) if node is root else (node.child_by_field_name("body"), name_of(node))
        )
        for member in members(body):
            if member.type == "method_declaration" and _is_test(member, _annotations(node)):
                yield member, class_name


def _is_test(method: Any, of_class: list[str]) -> bool:
    if method.child_by_field_name("body") is None:
        return False
    if any(name.endswith("Test") or name in _MARKS for name in _annotations(method)):
        return True
    is_void = text(method.child_by_field_name("type")) == "void"
    if "Test" in of_class and is_void and "public" in _modifiers(method):
        return not any(name.startswith(("Before", "After", "DataProvider")) for name in _annotations(method))
    no_parameters = method.child_by_field_name("parameters").named_child_count == 0
    return is_void and no_parameters and name_of(method).startswith("test")


def _annotations(node: Any) -> list[str]:
    """Names of a declaration's annotations, without their packages."""
    annotations = [
        child for holder in _holders(node) for child in holder.children if "annotation" in child.type
    ]
    return [name_of(annotation).rpartition(".")[2] for annotation in annotations]


def _modifiers(node: Any) -> list[str]:
    return [child.type for holder in _holders(node) for child in holder.children]


def _holders(node: Any) -> list[Any]:
    return [child for child in node.children if child.type == "modifiers"]
