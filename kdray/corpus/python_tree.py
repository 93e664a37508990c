"""The syntax tree of a Python source, by the standard library's own parser."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Sequence

from kdray.errors import DataError

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_PYTHON_2 = re.compile(
    r"Missing parentheses in call to '(print|exec)'|multiple exception types must be parenthesized"
    r"|leading zeros in decimal integer|invalid decimal literal|inconsistent use of tabs"
)


def parse_source(source: str) -> ast.Module | None:
    """The tree, or None for what this Python cannot parse."""
    try:
        return parsed(source)
    except DataError:
        return None


def parsed(source: str) -> ast.Module:
    """The tree. Raises `DataError` with the reason for what this Python cannot parse."""
    if "\0" in source:
        raise DataError("a null byte")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in somebody's test are not ours to report
            return ast.parse(source.removeprefix("\ufeff"))
    except SyntaxError as error:
        raise DataError(_no_syntax(source, str(error.msg))) from error
    except UnicodeEncodeError as error:
        raise DataError("half a surrogate pair, which is no text") from error
    except (RecursionError, MemoryError) as error:
        raise DataError("nested too deeply") from error


def source_of(node: ast.AST) -> str:
    """A part of a source in one canonical layout. Raises `DataError` for what Python can read and not print."""
    try:
        return ast.unparse(node)
    except RecursionError as error:
        raise DataError("nested too deeply") from error
    except ValueError as error:  # 0x... of thousands of digits, which would be as many and more in decimal
        raise DataError("a number of too many digits") from error


def _no_syntax(source: str, said: str) -> str:
    import tree_sitter
    import tree_sitter_python

    version = ".".join(map(str, sys.version_info[:2]))
    if _PYTHON_2.search(said) or re.search(
        r"^\s*(print|exec) +[\w\"'(]|<>|^\s*raise \w+, ", source, re.MULTILINE
    ):
        return "syntax of Python 2"
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language()))
    if "nested" in said or "too many" in said:
        return "nested too deeply"
    newer = not parser.parse(source.encode("utf-8", "replace")).root_node.has_error
    return f"syntax that Python {version} does not know" if newer else f"does not parse as Python {version}"


def within_classes(node: ast.stmt, names: Sequence[str]) -> ast.Module:
    """A module with a statement within classes of these names: the compiler asks for private names, `super()`."""
    for name in reversed(names):
        (holder,) = ast.parse("class X: pass").body
        assert isinstance(holder, ast.ClassDef)  # noqa: S101 - it was written so
        holder.name, holder.body = name, [node]
        node = holder
    return ast.fix_missing_locations(ast.Module([node], []))


def is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement is a text alone."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
