"""The method under test of a Java test, found by class and name among the sources of its project.

The class is named by the test class without its `Test` (and without `_Something` behind it), or by the file of a
class within; of several of that name the one whose package is nearest counts. Of its methods that the test calls,
the one whose name stands in the test's name is meant, the longest of several; else the last one that is called
before the end of the first assertion. Of overloads that with as many parameters as the call has arguments. What
cannot be resolved stays empty.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from kdray.corpus.java import assertions, focal_code
from kdray.corpus.java_tree import members, name_of, parse, text, walk

MIN_NAME = 3
_AFFIX = re.compile(
    r"^(?:Test|Abstract)+(?=[A-Z])|(?:Unit|Integration)?(?:Tests?|TestCase|TestNG|ITCase|IT)$"
)
_DECLARATIONS = ("class_declaration", "interface_declaration", "enum_declaration", "record_declaration")
_NAME_OF_CALL = {"method_invocation": "name", "object_creation_expression": "type"}


class JavaFocal:
    """Finds methods in the sources of a checkout."""

    def __init__(self, files: Iterable[str]) -> None:
        """`files`: paths of all Java sources."""
        self._paths: Mapping[str, list[Path]] = defaultdict(list)
        for file in files:
            path = Path(file)
            self._paths[path.stem].append(path)
        self._methods = lru_cache(maxsize=256)(_methods_of)

    def find(self, test_class: str, test_path: Path, method: Any) -> str:
        """The method that a test is about within its class, or "".

        Args:
            test_class: name of the test's class.
            test_path: its file.
            method: the test's node.
        """
        tests = (test_class, test_class.partition("_")[0], test_path.stem)
        names = (_AFFIX.sub("", test) for test in tests)
        name = next((name for name in names if name not in tests and name in self._paths), "")
        path = _nearest(self._paths.get(name, ()), test_path)
        if path is None:
            return ""
        known = self._methods(path, name)
        called = [(called, count) for called, count in _calls(method) if called in known]
        chosen = _chosen(called, name_of(method))
        if chosen is None:
            return ""
        overloads = known[chosen[0]]
        fitting = [source for source, parameters in overloads if parameters == chosen[1]]
        return focal_code(name, (fitting or [overloads[0][0]])[0])


def _nearest(paths: Sequence[Path], test_path: Path) -> Path | None:
    """The path whose folders agree longest, from their ends, with those of the test."""

    def depth(path: Path) -> int:
        pairs = zip(reversed(path.parent.parts), reversed(test_path.parent.parts), strict=False)
        return next((number for number, (a, b) in enumerate(pairs) if a != b), len(path.parts))

    others = sorted(path for path in paths if path != test_path)
    return max(others, key=depth, default=None)


def _methods_of(path: Path, class_name: str) -> dict[str, list[tuple[str, int]]]:
    """Name -> (source, number of parameters) of each method with a body of a class."""
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for node in walk(parse(data)):
        if node.type in _DECLARATIONS and name_of(node) == class_name:
            for child in members(node.child_by_field_name("body")):
                if child.type in ("method_declaration", "constructor_declaration"):
                    parameters = child.child_by_field_name("parameters").named_child_count
                    found[name_of(child)].append((text(child), parameters))
    return found


def _calls(method: Any) -> list[tuple[str, int]]:
    """What a test calls or makes up to the end of its first assertion, as it is evaluated, with the number of
    arguments.
    """
    found = assertions(method)
    end = found[0].end_byte if found else method.end_byte
    calls = []
    for node in walk(method):
        if node.type in _NAME_OF_CALL and node.end_byte <= end:
            name = text(node.child_by_field_name(_NAME_OF_CALL[node.type]))
            calls.append((node.end_byte, name, node.child_by_field_name("arguments").named_child_count))
    return [(name, count) for _, name, count in sorted(calls)]


def _chosen(called: Sequence[tuple[str, int]], test_name: str) -> tuple[str, int] | None:
    words = _plain(test_name)
    named = [one for one in called if len(one[0]) >= MIN_NAME and _plain(one[0]) in words]
    if named:
        return max(named, key=lambda one: len(one[0]))
    return called[-1] if called else None


def _plain(name: str) -> str:
    return name.lower().replace("_", "")
