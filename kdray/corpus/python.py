"""Mines assertions from Python test files with the standard library's own parser.

Every statement is printed by `ast.unparse`: one canonical layout, comments and docstrings gone, so that a
model learns the tests and not their formatting, and exact match means what it says. Assertions are
`assert` statements and calls whose name begins with `assert` (`tm.assert_frame_equal(...)`,
`self.assertEqual(...)`) directly in the body of a test function.

Not covered: assertions nested in `with`, `for` or helper functions; values of fixtures and parametrisations.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

from kdray.corpus.example import Example
from kdray.corpus.focal import FocalFinder
from kdray.corpus.splits import split_of
from kdray.storage import fingerprint

MAX_TARGET_CHARS = 200
INDENT = "    "
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def test_files(root: Path) -> list[Path]:
    """Files below `root` that hold tests by pytest's naming convention, sorted."""
    return sorted(path for pattern in ("test_*.py", "*_test.py") for path in root.rglob(pattern))


def parse_source(source: str) -> ast.Module | None:
    """The tree, or None for what this Python cannot parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in somebody's test are not ours to report
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def mine_file(path: Path, group: str, focal: FocalFinder) -> list[Example]:
    """The examples of one file; empty where it cannot be read or parsed.

    Args:
        path: the file.
        group: its name for the split, `package/path/of/file.py`.
        focal: resolves the code under test.
    """
    try:
        tree = parse_source(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return []
    if tree is None:
        return []
    imports = focal.imports(tree)
    return [
        example
        for name, function in _test_functions(tree)
        for example in mine_function(function, name, group, focal.signature(function.name, imports))
    ]


def _test_functions(tree: ast.Module) -> Iterator[tuple[str, FunctionNode]]:
    for node in tree.body:
        if isinstance(node, FunctionNode) and node.name.startswith("test"):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for child in node.body:
                if isinstance(child, FunctionNode) and child.name.startswith("test"):
                    yield f"{node.name}.{child.name}", child


def is_assertion(statement: ast.stmt) -> bool:
    """Whether a statement asserts: `assert ...`, or a call of something named `assert...`."""
    if isinstance(statement, ast.Assert):
        return True
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return False
    function = statement.value.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name.startswith("assert")


def mine_function(function: FunctionNode, name: str, group: str, signature: str) -> list[Example]:
    """One example per top-level assertion of at most `MAX_TARGET_CHARS` characters on one line."""
    examples = []
    prefix = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    lines = [f"{prefix} {function.name}({ast.unparse(function.args)}):"]
    for position, statement in enumerate(function.body):
        if position == 0 and _is_docstring(statement):
            continue
        text = ast.unparse(statement)
        if is_assertion(statement) and "\n" not in text and len(text) <= MAX_TARGET_CHARS:
            context = "\n".join(lines) + "\n" + INDENT
            examples.append(
                Example(
                    id=fingerprint(group, name, context, text),
                    group=group,
                    language="python",
                    test=name,
                    focal=signature,
                    context=context,
                    target=text,
                    split=split_of(group),
                )
            )
        lines += [INDENT + line for line in text.split("\n")]
    return examples


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
