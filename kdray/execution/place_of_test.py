"""Where a test and one of its assertions stand in the syntax tree of a file."""

from __future__ import annotations
import __future__

import ast
from collections.abc import Iterator, Sequence

from kdray.corpus.python_tree import FunctionNode, is_docstring, parse_source, source_of
from kdray.errors import DataError

ABSENT = "the test is not in its file as a function of a module or class"


def future_of(tree: ast.Module) -> int:
    """What the file imports from `__future__`, as flags of the compiler."""
    names = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    }
    return sum(getattr(__future__, name).compiler_flag for name in names)


def bodies_of(tree: ast.Module, holders: Sequence[str]) -> list[ast.Module | ast.ClassDef]:
    """The file and the classes in it of these names, the last definition of each. Raises `DataError`."""
    found: list[ast.Module | ast.ClassDef] = [tree]
    for holder in holders:
        named = [node for node in _defined(found[-1].body) if isinstance(node, ast.ClassDef)]
        named = [node for node in named if node.name == holder]
        if not named:
            raise DataError(ABSENT)
        found.append(named[-1])
    return found


def _defined(body: Sequence[ast.AST]) -> Iterator[ast.stmt]:
    """The functions and classes of a body, also within its other statements."""
    for node in body:
        if isinstance(node, FunctionNode | ast.ClassDef):
            yield node
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _defined(list(ast.iter_child_nodes(node)))


def is_marked(holder: ast.Module | ast.ClassDef) -> bool:
    """By a decorator, or as pytest has it."""
    assigned = [node.targets for node in holder.body if isinstance(node, ast.Assign)]
    names = {target.id for targets in assigned for target in targets if isinstance(target, ast.Name)}
    return "pytestmark" in names or bool(getattr(holder, "decorator_list", ()))


def function_of(tree: ast.Module, name: str) -> FunctionNode:
    """The last definition of the name. Raises `DataError`."""
    *holders, last = name.split(".")
    defined = _defined(bodies_of(tree, holders)[-1].body)
    functions = [node for node in defined if isinstance(node, FunctionNode) and node.name == last]
    if not functions:
        raise DataError(ABSENT)
    return functions[-1]


def position_of(function: FunctionNode, target: str, context: str) -> int:
    """Where in the test's body the assertion stands: behind the statements that the context ends with."""
    before: list[str] = []
    for number, statement in enumerate(function.body):
        if number == 0 and is_docstring(statement):
            continue
        text = source_of(statement)
        said = "".join(f"    {line}\n" for line in before)
        if text == target and context.endswith(f":\n{said}    "):
            return number
        before += text.split("\n")
    raise DataError("the assertion is not where the corpus has it: was another version installed?")


def variant_of(target: str, context: str) -> list[ast.stmt]:
    """The body of a changed test as its example has it, the assertion last. Raises `DataError`."""
    tree, asserted = parse_source(context + target), parse_source(target)
    test = tree.body[-1] if tree and tree.body else None
    dumped = [ast.dump(statement) for statement in asserted.body] if asserted else []
    if not isinstance(test, FunctionNode) or [ast.dump(test.body[-1])] != dumped:
        raise DataError("the variant is no test that ends with its assertion")
    return test.body
