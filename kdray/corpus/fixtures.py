"""What is given to a Python test: the fixtures that its parameters name, and what its class sets up.

Fixtures are looked up where pytest does: in the test's class, in its file, and in each `conftest.py` above it, up
to the root that is mined. They stand before the test as they are defined, what they need themselves first. Nothing
is imported or run.

Not covered: fixtures of plug-ins, and those that apply to every test by themselves (`autouse`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from kdray.corpus.decode import python_text
from kdray.corpus.python_tree import FunctionNode, is_docstring, parsed, source_of
from kdray.corpus.source_files import read_source
from kdray.errors import DataError

MAX_FIXTURE_CHARS = 1200
"""A longer definition does not say briefly what it gives."""
SET_UPS = ("setUp", "setup_method", "setup", "asyncSetUp")


class Fixtures:
    """The fixtures that the tests of one file can name."""

    def __init__(self, tree: ast.Module, path: Path, levels: int) -> None:
        """`levels`: how many folders from the file's own upwards may hold a `conftest.py`."""
        self._given: dict[str, FunctionNode] = {}
        for folder in reversed(list(path.parents)[:levels]):
            self._given |= _conftest(folder / "conftest.py")
        self._given |= _fixtures(tree.body)

    def lines(self, function: FunctionNode, holder: ast.ClassDef | None) -> list[str]:
        """The lines of what a test is given, in the order in which it is made.

        Args:
            function: the test.
            holder: its class, or None.
        """
        known = self._given | _fixtures(holder.body if holder else ())
        printed: dict[str, list[str]] = {}
        for name in _parameters(function):
            _add(name, known, printed)
        lines = [line for fixture in printed.values() for line in fixture]
        for node in holder.body if holder else ():
            if isinstance(node, FunctionNode) and node.name in SET_UPS:
                lines += _printed(node)
        return lines


def _add(name: str, known: dict[str, FunctionNode], printed: dict[str, list[str]]) -> None:
    """Adds a fixture behind those that it needs; a name that is met again on the way is not followed."""
    if name not in known or name in printed:
        return
    printed[name] = []
    for other in _parameters(known[name]):
        _add(other, known, printed)
    printed[name] = printed.pop(name) + _printed(known[name])


def _parameters(function: FunctionNode) -> list[str]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [argument.arg for argument in arguments]


def _printed(function: FunctionNode) -> list[str]:
    """A definition without its docstring; nothing where it is long."""
    body = function.body[1:] if is_docstring(function.body[0]) else function.body
    kind = type(function)
    shown = kind(**{**dict(ast.iter_fields(function)), "body": body or [ast.Pass()]})
    text = source_of(ast.fix_missing_locations(ast.copy_location(shown, function)))
    return text.split("\n") if len(text) <= MAX_FIXTURE_CHARS else []


def _fixtures(body: Iterable[ast.stmt]) -> dict[str, FunctionNode]:
    fixtures = {}
    for node in body:
        if isinstance(node, FunctionNode):
            for decorator in node.decorator_list:
                call = decorator if isinstance(decorator, ast.Call) else None
                if _name(call.func if call else decorator).endswith("fixture"):
                    fixtures[_given_name(call) or node.name] = node
    return fixtures


def _given_name(call: ast.Call | None) -> str:
    for keyword in call.keywords if call else ():
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return ""


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _conftest(path: Path) -> dict[str, FunctionNode]:
    try:
        now = path.stat()
    except OSError:
        return {}
    return _as_of(path, now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=512)
def _as_of(path: Path, changed_ns: int, size: int) -> dict[str, FunctionNode]:
    """Of a file as it is now: an editor's server outlives many forms of it."""
    try:
        return _fixtures(parsed(python_text(read_source(path))).body)
    except DataError:
        return {}
