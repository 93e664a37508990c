"""The method under test of a Java test, found by class and name among the sources of its project.

The class is named by the test class without its `Test` (and without `_Something` behind it), or by the file of a
class within; of several of that name the one whose package is nearest counts. Of the test's calls on it (see
`java_calls`) the one whose name stands in the test's name is meant, the longest of several. Else one in the first
assertion, the last that is evaluated; else one that a variable of the assertion is made by, and none that only
asks (`getX()`) before one that does something; else the last before it that does. What makes an object (a
constructor, a static method that returns its class) is meant only where the test's name speaks of making, or
where making it shall throw. What cannot be resolved stays empty, and so does a test whose name speaks of what it
calls on something else.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from kdray.corpus.decode import java_text
from kdray.corpus.java import assertions, focal_code
from kdray.corpus.java_calls import Call, calls_on, given_to, identifiers, made_of
from kdray.corpus.java_classes import Class, Method, class_of
from kdray.corpus.java_tree import DECLARATIONS, name_of, parse, text, walk
from kdray.corpus.source_files import read_source
from kdray.errors import DataError

_AFFIX = re.compile(
    r"^(?:Test|Abstract)+(?=[A-Z])|(?:Unit|Integration)?(?:Tests?|TestCase|TestNG|ITCase|IT)$"
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ENDINGS = ("", "s", "es", "ed", "d", "ing")
"""How a method's name may end in the name of a test: `addsTwice` is about `add`."""
_MAKING = {"constructor", "constructors", "construct", "constructs", "construction", "ctor", "factory"}
MIN_NAME = 3


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
        if classes(name) is None:
            return ""
        statements = assertions(method)
        if not statements:
            return ""
        chosen = _chosen(calls_on(method, statements, name, classes), method, statements[0])
        return focal_code(chosen.holder, chosen.source) if chosen else ""

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
    nodes = (node for node in walk(root) if node.type in DECLARATIONS and name_of(node) == name)
    return next(map(class_of, nodes), None)


def _chosen(calls: Sequence[Call], test: Any, first: Any) -> Method | None:
    """The method that is meant; None where it, or its overload, cannot be told."""
    words = [word.lower() for word in _WORDS.findall(name_of(test))]
    named = [call for call in calls if call.node.type == "method_invocation" and _is_named(call.name, words)]
    longest = max((len(call.name) for call in named), default=0)
    meant = [call for call in named if len(call.name) == longest]
    if not meant and not _names_another(test, words):
        meant = _by_flow([call for call in calls if call.node.end_byte <= first.end_byte], words, test, first)
    methods = {method.source: method for call in meant for method in call.fits}
    return next(iter(methods.values())) if len(methods) == 1 else None


def _names_another(test: Any, words: Sequence[str]) -> bool:
    """Whether a test's name speaks of something that it calls, on whatever object."""
    called = (
        node for node in walk(test, but=("class_body",)) if node.child_by_field_name("object") is not None
    )
    return any(_is_named(name_of(node), words) for node in called if node.type == "method_invocation")


def _by_flow(calls: Sequence[Call], words: Sequence[str], test: Any, first: Any) -> list[Call]:
    """The calls that the first assertion is about, all of one name, where no name speaks of any."""
    if _MAKING & set(words):
        return [call for call in calls if call.makes][-1:]
    does = [call for call in calls if not call.makes]
    within = [call for call in calls if call.node.start_byte >= first.start_byte]
    if not does:  # an assertion about what cannot be made is about making it
        return within[-1:] if re.match(r"[\w.]*assert\w*Throw", text(first)) else []
    names = identifiers(first)
    behind = names | {source for name in names for source in made_of(test, name)}
    direct, indirect = ([call for call in does if given_to(call.node) in held] for held in (names, behind))
    tiers = [[call for call in within if not call.makes], direct, indirect]
    acting = [[call for call in tier if not call.asks] for tier in tiers]
    about = next(filter(None, [*acting, *tiers, [call for call in does if not call.asks]]), [])
    return [call for call in about if call.name == about[-1].name]


def _is_named(method: str, words: Sequence[str]) -> bool:
    """Whether the words of a method's name follow one another in a test's name."""
    plain = "".join(word.lower() for word in _WORDS.findall(method))
    if len(plain) < MIN_NAME:
        return False
    for first in range(len(words)):
        joined = ""
        for word in words[first:]:
            if joined + word in {plain + ending for ending in _ENDINGS}:
                return True
            joined += word
            if len(joined) > len(plain):
                break
    return False
