"""The method under test of a Java test, found by class and name among the sources of its project.

The class is named by the test class without its `Test` (and without `_Something` behind it), or by the file of a
class within; of several of that name the one whose package is nearest counts. Of its methods that the test calls
on an object of it (see `java_types`; of a variable that is declared elsewhere, one that is named like the class),
the one whose name stands in the test's name is meant, the longest of several; else the last one that is called
before the end of the first assertion. Of overloads the one that the types of the arguments choose. What cannot be
resolved stays empty.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from kdray.corpus.decode import java_text
from kdray.corpus.java import assertions, focal_code
from kdray.corpus.java_tree import members, name_of, parse, text, walk
from kdray.corpus.java_types import Class, Classes, class_of, declared, fitting, receiver, type_name, type_of
from kdray.corpus.sources import read_source
from kdray.errors import DataError

_AFFIX = re.compile(
    r"^(?:Test|Abstract)+(?=[A-Z])|(?:Unit|Integration)?(?:Tests?|TestCase|TestNG|ITCase|IT)$"
)
_DECLARATIONS = ("class_declaration", "interface_declaration", "enum_declaration", "record_declaration")
_CALLS = ("method_invocation", "object_creation_expression")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ENDINGS = ("", "s", "es", "ed", "d", "ing")
"""How a method's name may end in the name of a test: `addsTwice` is about `add`."""


class Call(NamedTuple):
    """A call of a test: a method's name and the types of its arguments."""

    name: str
    arguments: tuple[str, ...]


class JavaFocal:
    """Finds methods in the sources of a checkout."""

    def __init__(self, files: Iterable[str]) -> None:
        """`files`: paths of all Java sources."""
        self._paths: Mapping[str, list[Path]] = defaultdict(list)
        for file in files:
            path = Path(file)
            self._paths[path.stem].append(path)
        self._class_in = lru_cache(maxsize=1024)(_class_in)

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
        classes = partial(self._class, test_path)
        known = classes(name)
        if known is None:
            return ""
        calls = [one for one in _calls(method, name, classes) if one.name in known.methods]
        chosen = _chosen(calls, name_of(method), known, classes)
        return focal_code(name, chosen) if chosen else ""

    def _class(self, test_path: Path, name: str) -> Class | None:
        path = _nearest(self._paths.get(name, ()), test_path)
        return None if path is None else self._class_in(path, name)


def _nearest(paths: Sequence[Path], test_path: Path) -> Path | None:
    """The path whose folders agree longest, from their ends, with those of the test."""

    def depth(path: Path) -> int:
        pairs = zip(reversed(path.parent.parts), reversed(test_path.parent.parts), strict=False)
        return next((number for number, (a, b) in enumerate(pairs) if a != b), len(path.parts))

    others = sorted(path for path in paths if path != test_path)
    return max(others, key=depth, default=None)


def _class_in(path: Path, name: str) -> Class | None:
    try:
        root = parse(java_text(read_source(path)).encode())
    except DataError:
        return None
    found = (node for node in walk(root) if node.type in _DECLARATIONS and name_of(node) == name)
    return next(map(class_of, found), None)


def _calls(method: Any, name: str, classes: Classes) -> list[Call]:
    """What a test calls on the class of that name, or makes of it, up to the end of its first assertion, as it is
    evaluated.
    """
    found = assertions(method)
    end = found[0].end_byte if found else method.end_byte
    known = _variables(method, classes)
    static = _imported(method, name)
    calls = []
    for node in walk(method):
        if node.type not in _CALLS or node.end_byte > end:
            continue
        arguments = tuple(type_of(one, known, classes) for one in _arguments(node))
        if node.type == "object_creation_expression":
            made = type_name(node.child_by_field_name("type"))
            calls += [(node.end_byte, Call(name, arguments))] if made == name else []
            continue
        on = receiver(node, known, classes)
        of = node.child_by_field_name("object")
        if on:
            is_own = _is_kind_of(on, name, classes)
        elif of is None:
            is_own = bool(static & {name_of(node), "*"})
        else:
            is_own = of.type == "identifier" and name.lower().endswith(text(of).lower())
        if is_own:
            calls.append((node.end_byte, Call(name_of(node), arguments)))
    return [call for _, call in sorted(calls, key=lambda one: one[0])]


def _arguments(node: Any) -> list[Any]:
    return [one for one in node.child_by_field_name("arguments").named_children if "comment" not in one.type]


def _variables(method: Any, classes: Classes) -> dict[str, str]:
    """The types of what a test can name: the fields of the classes that it stands in, and its own variables."""
    known: dict[str, str] = {}
    around: list[Any] = []
    node = method.parent
    while node is not None:
        around.insert(0, node)
        node = node.parent
    for holder in around:
        if holder.type in _DECLARATIONS:
            for member in members(holder.child_by_field_name("body")):
                if member.type == "field_declaration":
                    declared(member, known, classes)
    return declared(method, known, classes)


def _imported(method: Any, name: str) -> set[str]:
    """What a file imports statically from a class; `*` for everything."""
    root = method
    while root.parent is not None:
        root = root.parent
    imports = [re.sub(r"\s", "", text(node)) for node in root.children if node.type == "import_declaration"]
    found = (re.fullmatch(rf"importstatic(?:[\w.]*\.)?{re.escape(name)}\.(\w+|\*);", one) for one in imports)
    return {one[1] for one in found if one}


def _is_kind_of(one: str, name: str, classes: Classes) -> bool:
    """Whether a class is the one of that name, inherits from it, or is what it inherits from."""
    return one == name or name in _supers(one, classes) or one in _supers(name, classes)


def _supers(name: str, classes: Classes) -> set[str]:
    seen, todo = set[str](), [name]
    while todo:
        found = classes(todo.pop())
        todo += [one for one in (found.supers if found else ()) if one not in seen]
        seen |= set(todo)
    return seen


def _chosen(calls: Sequence[Call], test_name: str, known: Class, classes: Classes) -> str:
    """The source of the method that is meant; "" where its overload cannot be told."""
    words = [word.lower() for word in _WORDS.findall(test_name)]
    named = [one for one in calls if _is_named(one.name, words)]
    longest = max((len(one.name) for one in named), default=0)
    meant = [one for one in named if len(one.name) == longest] or list(calls[-1:])
    fits = [fitting(known.methods[one.name], one.arguments, classes) for one in meant]
    overloads = {found[0].source for found in fits if len(found) == 1}
    if len(overloads) != 1:  # of several of one name the test's last call counts
        return fits[-1][0].source if fits and len(fits[-1]) == 1 else ""
    return overloads.pop()


def _is_named(method: str, words: Sequence[str]) -> bool:
    """Whether the words of a method's name follow one another in a test's name."""
    plain = "".join(word.lower() for word in _WORDS.findall(method))
    for first in range(len(words)):
        joined = ""
        for word in words[first:]:
            if joined + word in {plain + ending for ending in _ENDINGS}:
                return True
            joined += word
            if len(joined) > len(plain):
                break
    return False
