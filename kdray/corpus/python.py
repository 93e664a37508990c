"""Mines assertions from Python test files with the standard library's own parser.

Every statement is printed by `ast.unparse`: one canonical layout, comments and docstrings gone, so that a
model learns the tests and not their formatting, and exact match means what it says. Assertions are
`assert` statements and calls whose name begins with `assert` (`tm.assert_frame_equal(...)`,
`self.assertEqual(...)`) directly in the body of a test function. What decides a test's values stands before it:
its decorators, and the fixtures that it names (see `fixtures`).

Not covered: assertions nested in `with`, `for` or helper functions.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kdray.corpus.decode import python_text
from kdray.corpus.example import Example
from kdray.corpus.fixtures import Fixtures
from kdray.corpus.focal import FocalFinder
from kdray.corpus.left_out import LeftOut
from kdray.corpus.python_tree import FunctionNode, is_docstring, parse_source, parsed, source_of
from kdray.corpus.rows import files_below
from kdray.corpus.source_files import read_source
from kdray.corpus.splits import split_of
from kdray.storage import fingerprint

__all__ = ["parse_source"]

MAX_TARGET_CHARS = 200
TOO_LONG = f"an assertion of several lines or more than {MAX_TARGET_CHARS} characters"
INDENT = "    "
_BLOCKS = (ast.stmt, ast.excepthandler, ast.match_case)
_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py")


def test_files(root: Path, left_out: LeftOut) -> list[Path]:
    """Files below `root` that hold tests by pytest's naming convention, sorted."""
    return [path for path in files_below(root, left_out) if is_test_file(path)]


def is_test_file(path: Path) -> bool:
    """Whether a file is named as pytest names tests."""
    return bool(_TEST_FILE.fullmatch(path.name))


def mine_file(
    path: Path, group: str, focal: FocalFinder, left_out: LeftOut | None = None, whole: bool = True
) -> list[Example]:
    """The examples of one file; empty where it cannot be read or parsed.

    Args:
        path: the file.
        group: its name for the split, `package/path/of/file.py`.
        focal: resolves the code under test.
        left_out: counts what is no example.
        whole: whether decorators and fixtures stand in the context.
    """
    left_out = LeftOut() if left_out is None else left_out
    tree = ast.Module([], [])
    with left_out.rather_than_fail(group):
        tree = parsed(python_text(read_source(path)))
    imports = focal.imports(tree, path)
    fixtures = Fixtures(tree, path, group.count("/")) if whole else None
    examples: list[Example] = []
    for name, function, holder in _test_functions(tree.body):
        with left_out.rather_than_fail(f"{group} {name}"):
            signature = focal.signature(function.name, imports, function, holder.name if holder else "")
            before = fixtures.lines(function, holder) if fixtures else ()
            examples += mine_function(function, name, group, signature, before, left_out, whole)
    return examples


def _test_functions(
    body: Sequence[ast.AST], holder: ast.ClassDef | None = None, prefix: str = ""
) -> Iterator[tuple[str, FunctionNode, ast.ClassDef | None]]:
    """Qualified name, node and class of each test of a module, also within other statements and in classes of
    classes; what stands in a function is no test.
    """
    for node in body:
        if isinstance(node, FunctionNode) and node.name.startswith("test"):
            yield f"{prefix}{node.name}", node, holder
        elif isinstance(node, ast.ClassDef):
            yield from _test_functions(node.body, node, f"{prefix}{node.name}.")
        elif not isinstance(node, FunctionNode):
            within = [child for child in ast.iter_child_nodes(node) if isinstance(child, _BLOCKS)]
            yield from _test_functions(within, holder, prefix)


def is_assertion(statement: ast.AST) -> bool:
    """Whether a statement asserts: `assert ...`, or a call of something named `assert...`."""
    if isinstance(statement, ast.Assert):
        return True
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return False
    function = statement.value.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name.startswith("assert")


def mine_function(
    function: FunctionNode,
    name: str,
    group: str,
    signature: str,
    before: Sequence[str] = (),
    left_out: LeftOut | None = None,
    whole: bool = True,
) -> list[Example]:
    """One example per top-level assertion of at most `MAX_TARGET_CHARS` characters on one line.

    Args:
        function: the test.
        name: its qualified name.
        group: of the split.
        signature: of the code under test, or "".
        before: lines that stand before the test.
        left_out: counts assertions that are no examples.
        whole: whether the test's decorators stand in its context.

    Raises:
        DataError: a statement that cannot be printed.
    """
    left_out, where = LeftOut() if left_out is None else left_out, f"{group} {name}"
    examples = []
    prefix = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    decorators = [f"@{source_of(decorator)}" for decorator in function.decorator_list] if whole else []
    lines = [*before, *decorators, f"{prefix} {function.name}({source_of(function.args)}):"]
    for position, statement in enumerate(function.body):
        if position == 0 and is_docstring(statement):
            continue
        text = source_of(statement)
        if not is_assertion(statement):
            nested = sum(map(is_assertion, ast.walk(statement)))
            if nested:
                left_out.add("an assertion within another statement", where, nested)
        elif "\n" in text or len(text) > MAX_TARGET_CHARS:
            left_out.add(TOO_LONG, where)
        else:
            examples.append(example_after(lines, text, group, name, signature))
        lines += [INDENT + line for line in text.split("\n")]
    return examples


def example_after(lines: Sequence[str], target: str, group: str, test: str, focal: str) -> Example:
    """The example of one assertion: the lines of its test before it, and the beginning of its own."""
    context = "\n".join(lines) + "\n" + INDENT
    return Example(
        id=fingerprint(group, test, context, target),
        group=group,
        language="python",
        test=test,
        focal=focal,
        context=context,
        target=target,
        split=split_of(group),
    )
