"""Published sets of Java assertions, row by row.

- masked tests, JSON: `test_method_masked` with a placeholder, `assertions`, `focal_method`, and their origin;
- Methods2Test, JSON: `test_case` with its assertions in place, `focal_method`, `focal_class`, `repository`;
- AsserT5, JSON: `inputIDs` (`TEST_METHOD: ... FOCAL_METHOD: ...`, tokens), `labels`, perhaps `dict` of abstract
  names;
- ATLAS: a line of `testMethods.txt` (test with a placeholder, then its focal method, tokens) and the line of the
  same number of `assertLines.txt`.

A published assertion stays as it is, but for `;` at its end; tokens stay apart. A test that ATLAS or AsserT5 gives
without a type gets its `void`, without which it would be no Java. Which file has which layout: see `layouts`.

Not covered: Methods2Test's tests that would not be mined (see `java.cut_or_say`), which are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kdray.corpus import java
from kdray.corpus.example import Example, Split
from kdray.corpus.labelled_row import plain
from kdray.corpus.splits import split_of
from kdray.errors import DataError
from kdray.storage import fingerprint

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Published:
    """A row, read: what it says of an `Example`. `path` is the test's file in its project, `repo` the project."""

    test: str
    focal: str
    context: str
    target: str
    after: str
    path: str = ""
    repo: str = ""
    commit: str = ""
    license: str = ""

    def example(self, split: Split | None, row: str) -> Example:
        """As a corpus holds it. Without a split it is that of the project; `row` is the group without a file."""
        group = "/".join(filter(None, (self.repo, self.path))) if self.path else row
        return Example(
            id=fingerprint(group, self.test, self.context, self.target, self.after),
            group=group,
            language="java",
            test=self.test,
            focal=self.focal,
            context=self.context,
            target=self.target,
            split=split or split_of(self.repo or group),
            after=self.after,
            repo=self.repo,
            commit=self.commit,
            license=self.license,
        )


@dataclass(frozen=True)
class Layout:
    """One published layout.

    Attributes:
        name: as people call it.
        fields: of a row; all of them tell it.
        read: a row. Raises `DataError` that does not say where, also for one that holds nothing to learn.
    """

    name: str
    fields: tuple[str, ...]
    read: Callable[[Row], Published]


def _masked(row: Row) -> Published:
    before, after = _opened(_text(row, "test_method_masked"))
    written = row.get("assertions")
    if not isinstance(written, list) or not written or not all(isinstance(text, str) for text in written):
        raise DataError("assertions: expected a list of texts")
    return Published(
        test=_joined(_text(row, "test_class", ""), _text(row, "test_name", "")),
        focal=java.focal_code(_text(row, "focal_class", ""), _text(row, "focal_method")),
        context=before,
        target=" ".join(_statement(_without_comments(assertion)) for assertion in written),
        after=after,
        path=_text(row, "path", ""),
        repo=_text(row, "repo", ""),
        commit=_text(row, "commit", ""),
        license=_text(row, "license", ""),
    )


def _methods2test(row: Row) -> Published:
    case, focal = _part(row, "test_case"), _part(row, "focal_method")
    data = f"class Test {{\n{_text(case, 'body')}\n}}".encode()
    method = next((node for node in java.walk(java.parse(data)) if node.type == "method_declaration"), None)
    if method is None:
        raise DataError("test_case: no method")
    cut = java.cut_or_say(method, data)
    test_class, focal_class, repository = (
        _part(row, name, {}) for name in ("test_class", "focal_class", "repository")
    )
    url = _text(repository, "url", "").removesuffix(".git")
    return Published(
        test=_joined(_text(test_class, "identifier", ""), _text(case, "identifier", "")),
        focal=java.focal_code(_text(focal_class, "identifier", ""), _text(focal, "body")),
        **cut._asdict(),
        path=_text(test_class, "file", ""),
        repo="/".join(url.split("/")[-2:]) or plain(repository.get("repo_id")),
    )


def _joined(class_name: str, test: str) -> str:
    return ".".join(filter(None, (class_name, test)))


def _assert5(row: Row) -> Published:
    parts = re.fullmatch(r"\s*TEST_METHOD:(.*)FOCAL_METHOD:(.*)", _text(row, "inputIDs"), re.DOTALL)
    if parts is None:
        raise DataError("inputIDs: expected 'TEST_METHOD: ... FOCAL_METHOD: ...'")
    # A table has the names of any row in all of them, without a text where they are another row's.
    used = set(f"{parts[1]} {parts[2]} {_text(row, 'labels')}".split(" "))
    names = {name: text for name, text in _part(row, "dict", {}).items() if text is not None or name in used}
    if not all(isinstance(name, str) for name in names.values()):
        raise DataError("dict: expected a text for each name")
    test, focal, label = (
        " ".join(names.get(token, token) for token in code.split(" "))
        for code in (parts[1], parts[2], _text(row, "labels"))
    )
    return _tokens(test, focal, label)


def _atlas(row: Row) -> Published:
    # ATLAS writes a space within a literal as <sp>.
    code, label = (_text(row, name).replace("<sp>", " ") for name in ATLAS.fields)
    test, mark, focal = code.partition('"<FocalMethod>"')
    if not mark:
        end = _end_of_method(_text(row, ATLAS.fields[0]).split(" "))
        words = _text(row, ATLAS.fields[0]).split(" ")
        test, focal = (" ".join(part).replace("<sp>", " ") for part in (words[:end], words[end:]))
    return _tokens(test, focal, label)


def _end_of_method(tokens: list[str]) -> int:
    """Behind the brace that closes the first one; the end where none does."""
    depth = 0
    for number, token in enumerate(tokens, start=1):
        depth += (token == "{") - (token == "}")  # noqa: S105 - a brace
        if token == "}" and depth == 0:  # noqa: S105
            return number
    return len(tokens)


def _tokens(test: str, focal: str, label: str) -> Published:
    """A test whose tokens stand apart, on one line."""
    test = re.sub(r"^\s*(\w+ \()", r"void \1", test)
    before, after = _opened(test)
    name = re.search(r"(\w+) \(", re.sub(r"@ ?[\w.]+( \([^)]*\))?", "", test))
    return Published(name[1] if name else "", focal.strip(), before, _statement(label), after)


MASKED = Layout("masked tests", ("test_method_masked", "assertions"), _masked)
METHODS2TEST = Layout("Methods2Test", ("test_case", "focal_method"), _methods2test)
ASSERT5 = Layout("AsserT5", ("inputIDs", "labels"), _assert5)
ATLAS = Layout("ATLAS", ("testMethods.txt", "assertLines.txt"), _atlas)
LAYOUTS = (MASKED, METHODS2TEST, ASSERT5, ATLAS)


def _opened(masked: str) -> tuple[str, str]:
    places = len(java.PLACEHOLDER.findall(masked))
    if places != 1:
        raise DataError(f"expected one placeholder in the test, found {places}")
    parts = java.opened(masked)
    if parts is None:
        raise DataError("the placeholder stands in a comment of several lines, or behind other words in one")
    return parts


def _without_comments(assertion: str) -> str:
    """One assertion as it is published on one line, but for comments, which would eat the rest, and text blocks.
    What somebody else joined already (a comment with what it would eat) cannot be told apart, and stays.
    """
    line, commented = None, java.has_line_comment(assertion)
    if '"""' in assertion or (commented and java.is_balanced(java.without_comments(assertion))):
        line = java.one_line(java.without_text_blocks(assertion))
    return " ".join(assertion.split("\n")) if line is None else line


def _statement(assertion: str) -> str:
    """One assertion, closed."""
    line = assertion.strip()
    if not line:
        raise DataError("an empty assertion")
    return line if line.endswith(";") else f"{line} ;" if " (" in line else f"{line};"


def _text(row: Row, name: str, default: str | None = None) -> str:
    """A field; missing or null it is the default. Raises `DataError` for one that has none, and for no text."""
    value = _given(row, name, default)
    if value is None:
        raise DataError(f"no field '{name}'")
    if not isinstance(value, str):
        raise DataError(f"{name}: expected text, found {type(value).__name__}")
    return value


def _given(row: Row, name: str, default: Any) -> Any:
    value = row.get(name)
    is_missing = value is None or value != value  # NaN is what pandas has in place of a text
    return default if is_missing else value


def _part(row: Row, name: str, default: Row | None = None) -> Row:
    value = _given(row, name, default)
    if not isinstance(value, dict):
        raise DataError(f"{name}: expected an object of fields")
    return value
