"""A test with a placeholder as an `Example`, the same as mining would have made of it.

The placeholder stands where an assertion is wanted: `<ASSERT>` (or `<AssertPlaceHolder>` or
`<ASSERTION_PLACEHOLDER>`, as published data sets have it), also as a comment, on a line of its own. Of Python what
follows is not looked at, of Java it is if it parses: an editor's file may be unfinished there. Python goes through
the miner itself; of Java the method is taken as the miner would.

Not covered: a placeholder inside `with`, `for` or another block of Python; the miner has no such examples
either.
"""

from __future__ import annotations

import ast
import importlib.util
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kdray.corpus import java
from kdray.corpus.example import Example
from kdray.corpus.fixtures import Fixtures
from kdray.corpus.focal import FocalFinder
from kdray.corpus.python import mine_function, parse_source
from kdray.corpus.python_tree import FunctionNode
from kdray.errors import ConfigError, DataError, nearest

WANTED = "assert kdray_writes_this"
CALL, PLACE = "kdray();", b"<ASSERT>"
LANGUAGES = {".py": "python", ".java": "java"}


def example(source: str, path: str, language: str | None = None) -> Example:
    """The example of the first placeholder in a source.

    Args:
        source: of a test, a file or a part of one.
        path: the file's name, shown to the model; "" for none.
        language: `python` or `java`; None tells by the file's ending, and takes Python without one.

    Raises:
        ConfigError: a language that is not known.
        DataError: no placeholder, not where an assertion could stand, or source that does not parse.
    """
    language = language_of(path, language)
    match = java.PLACEHOLDER.search(source)
    if match is None:
        raise DataError(
            f"{path or 'input'}: no placeholder: write <ASSERT> on the line where the assertion goes"
        )
    line_start = source.rfind("\n", 0, match.start()) + 1
    if source[line_start : match.start()].strip():
        raise DataError(f"{path or 'input'}: the placeholder must stand on a line of its own")
    before = source[: match.start()]
    group = path or {"python": "test.py", "java": "Test.java"}[language]
    return _python(before, group) if language == "python" else _java(before, source[match.end() :], group)


def language_of(path: str, language: str | None = None) -> str:
    """The language that is said, or told by a file's ending. Raises `ConfigError` for one that is not known."""
    language = language or LANGUAGES.get(Path(path).suffix, "python")
    if language not in LANGUAGES.values():
        raise ConfigError(f"--language {language}{nearest(language, LANGUAGES.values())}")
    return language


def _python(before: str, group: str) -> Example:
    """Everything after the placeholder is left out; the miner makes the rest."""
    tree = parse_source(textwrap.dedent(before + WANTED + "\n"))
    if tree is None:
        raise DataError(f"{group}: the Python before the placeholder does not parse")
    focal = FocalFinder(_roots(tree))
    imports = focal.imports(tree)
    fixtures = Fixtures(tree, Path(group).absolute(), group.count("/"))
    for name, function, holder in _functions(tree):
        signature, given = focal.signature(function.name, imports), fixtures.lines(function, holder)
        for mined in mine_function(function, name, group, signature, given):
            if mined.target == WANTED:
                return mined
    raise DataError(f"{group}: the placeholder must stand directly in the body of a function")


def _functions(node: Any, prefix: str = "") -> Iterator[tuple[str, FunctionNode, ast.ClassDef | None]]:
    """Qualified name, node and class of every function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            yield f"{prefix}{child.name}", child, node if isinstance(node, ast.ClassDef) else None
        if isinstance(child, (ast.ClassDef, FunctionNode)):
            yield from _functions(child, f"{prefix}{child.name}.")


def _roots(tree: ast.Module) -> dict[str, Path]:
    """Folders of the packages that a file imports from; found, not imported."""
    names = {
        node.module.partition(".")[0]
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
    roots = {}
    for name in names:
        local = Path.cwd() / name
        if local.is_dir():
            roots[name] = local
            continue
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        if spec is not None and spec.submodule_search_locations:
            roots[name] = Path(next(iter(spec.submodule_search_locations)))
    return roots


def _java(before: str, after: str, group: str) -> Example:
    """The innermost method that holds the placeholder. What does not parse with what follows is closed behind the
    placeholder instead.
    """
    begin = len(before.encode())
    closed = ("\n" + before.rpartition("\n")[2] + "}") * before.count("{")
    for rest in (after, closed):
        data = f"{before}{CALL}{rest}".encode()
        method = java.parse(data).descendant_for_byte_range(begin, begin + 1)
        while method is not None and method.type != "method_declaration":
            method = method.parent
        if method is not None and not method.has_error:
            break
    if method is None:
        raise DataError(f"{group}: the placeholder must stand in a method")
    line = data[data.rfind(b"\n", 0, method.start_byte) + 1 : method.start_byte]
    code = b"" if line.strip() else line
    code += data[method.start_byte : begin] + PLACE + data[begin + len(CALL) : method.end_byte]
    parts = java.opened(code.decode())
    assert parts is not None  # noqa: S101 - the placeholder was put there
    return Example(
        id="",
        group=group,
        language="java",
        test=java.name_of(method),
        focal="",
        context=parts[0],
        target="",
        split="test",
        after=parts[1],
    )
