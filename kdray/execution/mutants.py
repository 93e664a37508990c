"""Small faults put into the code under test, on its syntax tree: what a good assertion notices.

Operators (ours, after the usual ones): another arithmetic, comparison or boolean operator, a sign or `not` taken
away, a constant changed, two arguments exchanged, nothing returned, a branch taken the other way, a statement left
out. Of a function only its code is replaced, so that every name that holds it sees the fault.
"""

from __future__ import annotations
import __future__

import ast
import gc
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from kdray.corpus.python_tree import FunctionNode, is_docstring, within_classes
from kdray.corpus.sample import evenly

FUTURE = sum(
    getattr(__future__, name).compiler_flag
    for name in __future__.all_feature_names
    if name != "barry_as_FLUFL"
)
"""Flags of what a file imports from `__future__`."""
Key = tuple[str, int, str]
"""File, first line and name of a function's code."""
SWAPPED: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn,
    ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
"""Operator -> what it becomes."""
TURNED = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
"""Operators whose fault is their opposite."""
OPERATORS = 2
"""Of what follows: another number where the faults of a function are others, or in another order."""


@dataclass(frozen=True)
class Mutant:
    """A function with one fault.

    Attributes:
        key: of the function.
        code: that it runs instead.
        number: among all faults of the function.
        what: the fault, in words.
    """

    key: Key
    code: CodeType
    number: int
    what: str


def key_of(code: CodeType) -> Key:
    """Where a code object comes from."""
    return code.co_filename, code.co_firstlineno, code.co_name


def functions_by_code() -> dict[Key, list[FunctionType]]:
    """Every function of this process by its code."""
    found: dict[Key, list[FunctionType]] = defaultdict(list)
    for each in gc.get_objects():
        if isinstance(each, FunctionType):
            found[key_of(each.__code__)].append(each)
    return dict(found)


def mutants_of(function: FunctionType, count: int) -> list[Mutant]:
    """At most so many mutants, evenly from all places of a function; none where its source is not at hand."""
    return _mutants(function, lambda places: evenly(places, count))


def mutant_of(function: FunctionType, number: int) -> Mutant | None:
    """One of them by its number; None where there is none of that number."""
    return next(iter(_mutants(function, lambda places: [number] if number < places else [])), None)


def _mutants(function: FunctionType, chosen: Callable[[int], Sequence[int]]) -> list[Mutant]:
    try:
        tree = ast.parse("".join(inspect.findsource(function)[0]))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []
    found = _definition(tree, key_of(function.__code__))
    if found is None:
        return []
    node, holders = found
    changes = list(_changes(node))
    made = []
    for number in chosen(len(changes)):
        what, change, undo = changes[number]
        change()
        code = _compiled(node, holders, function)
        undo()
        if code is not None:
            made.append(Mutant(key_of(function.__code__), code, int(number), what))
    return made


def _definition(tree: ast.Module, key: Key) -> tuple[FunctionNode, list[str]] | None:
    """A function of a module or class, and the names of the classes that it stands in."""
    levels: list[tuple[Sequence[ast.stmt], list[str]]] = [(tree.body, [])]
    while levels:
        body, holders = levels.pop()
        for node in body:
            if isinstance(node, ast.ClassDef):
                levels.append((node.body, [*holders, node.name]))
            elif isinstance(node, FunctionNode) and node.name == key[2]:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if first == key[1]:
                    return node, holders
            elif isinstance(node, ast.If | ast.Try | ast.With):
                parts = (getattr(node, name, []) for name in ("body", "orelse", "finalbody"))
                levels += [(part, holders) for part in parts]
    return None


def _compiled(node: FunctionNode, holders: Sequence[str], function: FunctionType) -> CodeType | None:
    """The code of a changed definition, if the function can run it."""
    own = function.__code__
    flags = own.co_flags & FUTURE
    try:
        whole = compile(
            within_classes(node, holders), own.co_filename, "exec", flags=flags, dont_inherit=True
        )
    except (SyntaxError, ValueError, RecursionError):
        return None
    inside = [whole]
    while inside:
        code = inside.pop()
        if code.co_name == node.name and code.co_flags & inspect.CO_OPTIMIZED:
            return code if code.co_freevars == own.co_freevars else None
        inside += [const for const in code.co_consts if isinstance(const, CodeType)]
    return None


Change = tuple[str, Callable[[], None], Callable[[], None]]
"""What is done, doing it to the tree, and undoing it."""


def _changes(function: FunctionNode) -> Iterator[Change]:
    skipped = {id(function.body[0])} if is_docstring(function.body[0]) else set()
    for statement in function.body:
        if id(statement) in skipped:
            continue
        for node in ast.walk(statement):
            yield from _of_expression(node)
            yield from _of_statement(node)
    for node in ast.walk(function):
        bodies = [getattr(node, name, None) for name in ("body", "orelse", "finalbody")]
        for body in [each for each in bodies if isinstance(each, list)]:
            for at, statement in enumerate(body):
                if (
                    isinstance(statement, ast.Expr | ast.Assign | ast.AugAssign)
                    and id(statement) not in skipped
                ):
                    yield _item(body, at, ast.copy_location(ast.Pass(), statement), "a statement left out")


def _of_expression(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in SWAPPED:
        yield _field(node, "op", SWAPPED[type(node.op)](), "another operator")
    elif isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            if type(operator) in SWAPPED:
                yield _item(node.ops, at, SWAPPED[type(operator)](), "another comparison")
    elif isinstance(node, ast.Constant) and (new := _other(node.value)) is not None:
        yield _field(node, "value", new, "another constant")
    elif isinstance(node, ast.Call) and len(node.args) > 1:
        plain = not any(isinstance(argument, ast.Starred) for argument in node.args[:2])
        if plain:
            yield _field(
                node, "args", [node.args[1], node.args[0], *node.args[2:]], "two arguments exchanged"
            )
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        if isinstance(node.op, ast.USub):
            yield _field(node, "op", ast.UAdd(), "a sign taken away")
        else:
            twice = ast.copy_location(ast.UnaryOp(ast.Not(), node.operand), node)
            yield _field(node, "operand", twice, "a negation taken away")


def _of_statement(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield _field(node, "value", ast.copy_location(ast.Constant(None), node.value), "nothing returned")
    elif isinstance(node, ast.If | ast.While | ast.IfExp) and not _is_turned(node.test):
        test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
        yield _field(node, "test", test, "the other branch taken")


def _is_turned(test: ast.expr) -> bool:
    """Whether a fault of its own operator takes the other branch: it would count twice."""
    if isinstance(test, ast.Compare):
        return len(test.ops) == 1 and isinstance(test.ops[0], TURNED)
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _other(value: Any) -> Any:
    """Another constant of the same kind; None for one that has none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return ("" if value else "kdray") if isinstance(value, str) else None


def _field(node: Any, name: str, new: Any, what: str) -> Change:
    old = getattr(node, name)
    line = getattr(node, "lineno", 0)
    return f"{what} in line {line}", lambda: setattr(node, name, new), lambda: setattr(node, name, old)


def _item(items: list[Any], at: int, new: Any, what: str) -> Change:
    old = items[at]
    line = getattr(old, "lineno", 0)
    return (
        f"{what} in line {line}" if line else what,
        lambda: items.__setitem__(at, new),
        lambda: items.__setitem__(at, old),
    )
