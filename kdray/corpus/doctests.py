"""Assertions from the examples in docstrings: what is typed, and what Python answers.

    >>> add(1, 2)
    3

becomes `assert add(1, 2) == 3` in a test of the function whose docstring it is; what is no literal is compared as
it is shown, `assert repr(f()) == 'Cart(2)'`. The examples before it in the docstring are its context. Nothing is
run.

Not covered: exceptions, printed output, and answers that leave something out (`...`).
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator
from pathlib import Path

from kdray.corpus.decode import python_text
from kdray.corpus.example import Example
from kdray.corpus.focal import signature_of
from kdray.corpus.left_out import LeftOut
from kdray.corpus.python import INDENT, MAX_TARGET_CHARS, TOO_LONG, example_after
from kdray.corpus.python_tree import FunctionNode, parsed, source_of
from kdray.corpus.rows import files_below
from kdray.corpus.source_files import read_source
from kdray.errors import DataError

Documented = ast.Module | ast.ClassDef | FunctionNode


def documented_files(root: Path, left_out: LeftOut) -> list[Path]:
    """All Python sources below `root`, sorted."""
    return [path for path in files_below(root, left_out) if path.suffix == ".py"]


def mine_doctests(path: Path, group: str, left_out: LeftOut) -> list[Example]:
    """The examples in the docstrings of one file.

    Args:
        path: the file.
        group: its name for the split, `package/path/of/file.py`.
        left_out: counts what is no example.
    """
    data = b""
    with left_out.rather_than_fail(group):
        data = read_source(path)
    if b">>>" not in data:
        return []
    tree = ast.Module([], [])
    with left_out.rather_than_fail(group):
        tree = parsed(python_text(data))
    examples: list[Example] = []
    for name, node in _documented(tree):
        with left_out.rather_than_fail(f"{group} {name}"):
            examples += _of_docstring(name, node, group, left_out)
    return examples


def _documented(tree: Documented, prefix: str = "") -> Iterator[tuple[str, Documented]]:
    """What has a docstring with examples, with its qualified name."""
    if ">>>" in (ast.get_docstring(tree) or ""):
        yield prefix or "module", tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef | FunctionNode):
            yield from _documented(node, f"{prefix}.{node.name}".lstrip("."))


def _of_docstring(name: str, node: Documented, group: str, left_out: LeftOut) -> list[Example]:
    """Raises `DataError` for one that cannot be read."""
    try:
        documented = doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")
    except ValueError as error:
        raise DataError("a docstring that doctest cannot read") from error
    signature = "" if isinstance(node, ast.Module) else signature_of(node)
    test = "test_" + name.rpartition(".")[2].strip("_")
    lines, examples = [f"def {test}():"], []
    for example in documented:
        body = parsed(example.source).body
        if len(body) != 1:
            raise DataError("several statements in one example of a docstring")
        try:
            statement = _statement(body[0], example)
        except DataError as error:
            left_out.add(str(error), f"{group} {name}")
            continue
        text = source_of(ast.fix_missing_locations(statement))
        if isinstance(statement, ast.Assert):
            if "\n" in text or len(text) > MAX_TARGET_CHARS:
                left_out.add(TOO_LONG, f"{group} {name}")
            else:
                examples.append(example_after(lines, text, group, name, signature))
        lines += [INDENT + line for line in text.split("\n")]
    return examples


def _statement(typed: ast.stmt, example: doctest.Example) -> ast.stmt:
    """What is typed, as an assertion where something is answered. Raises `DataError` for what makes none."""
    statement, want = typed, example.want.strip()
    if not want:
        return statement
    if example.exc_msg is not None or not isinstance(statement, ast.Expr) or _prints(statement.value):
        raise DataError("an exception or printed output in a docstring")
    if "..." in want or example.options or "\n" in want:
        raise DataError("an answer of a docstring that is not given whole on one line")
    try:
        ast.literal_eval(want)
        shown, answer = statement.value, ast.parse(want, mode="eval").body
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        called = ast.Call(ast.Name("repr", ast.Load()), [statement.value], [])
        return ast.Assert(ast.Compare(called, [ast.Eq()], [ast.Constant(want)]))
    is_truth = isinstance(answer, ast.Constant) and isinstance(answer.value, bool)
    return ast.Assert(ast.Compare(shown, [ast.Is() if is_truth else ast.Eq()], [answer]))


def _prints(value: ast.expr) -> bool:
    name = value.func if isinstance(value, ast.Call) else None
    return isinstance(name, ast.Name) and name.id in ("print", "pprint", "help")
