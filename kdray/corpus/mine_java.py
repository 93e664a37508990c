"""Mines the tests of Java checkouts: the files, which of their methods are tests, and an example of each.

A test is a method with an annotation such as `@Test` or `@ParameterizedTest` (JUnit 4 and 5, TestNG), a public
method of a class with `@Test` (TestNG), or a `void test...()` without parameters (JUnit 3).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kdray.corpus import java
from kdray.corpus.example import Example
from kdray.corpus.java_focal import JavaFocal
from kdray.corpus.origin import Origin
from kdray.corpus.splits import split_of
from kdray.storage import fingerprint

_LOOKS_LIKE_TESTS = re.compile(rb"@[\w.]*Test\b|\bvoid\s+test\w*\s*\(\s*\)")
_CLASSES = ("class_declaration", "record_declaration")


def source_files(root: Path) -> list[Path]:
    """All Java sources below `root`, sorted."""
    return sorted(path for path in root.rglob("*.java") if path.is_file())


def mine_file(path: Path, group: str, focal: JavaFocal, origin: Origin) -> list[Example]:
    """The examples of one file; empty where it cannot be read or holds no tests.

    Args:
        path: the file.
        group: its name for the split, `project/path/of/File.java`.
        focal: resolves the code under test.
        origin: of the checkout.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return []
    if not _LOOKS_LIKE_TESTS.search(data):
        return []
    examples = []
    for method, class_name in _tests(java.parse(data)):
        found = None if method.has_error else java.cut(method, data)
        if found is None:
            continue
        name = f"{class_name}.{java.name_of(method)}"
        examples.append(
            Example(
                id=fingerprint(group, name, *found),
                group=group,
                language="java",
                test=name,
                focal=focal.find(class_name, path, method),
                context=found.context,
                target=found.target,
                split=split_of(group),
                after=found.after,
                repo=origin.repo,
                commit=origin.commit,
                license=origin.license,
            )
        )
    return examples


def _tests(root: Any) -> list[tuple[Any, str]]:
    """The test methods of a file, each with the name of its class."""
    return [
        (member, java.name_of(node))
        for node in java.walk(root)
        if node.type in _CLASSES and node.child_by_field_name("body") is not None
        for member in node.child_by_field_name("body").children
        if member.type == "method_declaration" and _is_test(member, _annotations(node))
    ]


def _is_test(method: Any, of_class: list[str]) -> bool:
    if method.child_by_field_name("body") is None:
        return False
    if any(name.endswith("Test") for name in _annotations(method)):
        return True
    is_void = java.text(method.child_by_field_name("type")) == "void"
    if "Test" in of_class and is_void and "public" in _modifiers(method):
        return not any(name.startswith(("Before", "After", "DataProvider")) for name in _annotations(method))
    no_parameters = method.child_by_field_name("parameters").named_child_count == 0
    return is_void and no_parameters and java.name_of(method).startswith("test")


def _annotations(node: Any) -> list[str]:
    """Names of a declaration's annotations, without their packages."""
    found = [child for holder in _holders(node) for child in holder.children if "annotation" in child.type]
    return [java.name_of(annotation).rpartition(".")[2] for annotation in found]


def _modifiers(node: Any) -> list[str]:
    return [child.type for holder in _holders(node) for child in holder.children]


def _holders(node: Any) -> list[Any]:
    return [child for child in node.children if child.type == "modifiers"]
