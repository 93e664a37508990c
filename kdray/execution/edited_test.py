"""A Python test with another text in place of one of its assertions, made of its own syntax tree.

Everything else stands as it is: the statements before and behind, the class, what it sets up. A test that needs
what is not there when it runs alone (fixtures, parameters, a decorator) is left out with the reason.
"""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
import unittest
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from kdray.corpus.python import is_assertion
from kdray.corpus.python_tree import FunctionNode, is_docstring, parse_source, within_classes
from kdray.errors import DataError

FILE = "<test>"
"""What a test that was edited calls its file."""
REACHED = "raise KdrayReached"
"""Stands for the assertion where it is asked whether the run comes to it."""


class KdrayReached(BaseException):
    """A run came to the place of the assertion."""


class NotAlone(DataError):
    """A test needs what only pytest gives it."""


class TestSource:
    """The syntax tree of a test, and the place of one of its assertions.

    Attributes:
        function: the test.
        holders: the classes that it stands in, outermost first.
    """

    __test__ = False  # not one of pytest's own

    def __init__(self, tree: ast.Module, name: str, target: str, context: str) -> None:
        """Finds it. Raises `DataError` where it is not in its file."""
        self.holders = name.split(".")[:-1]
        self.function = function_of(tree, name)
        self._position = position_of(self.function, target, context)

    def edited(self, text: str, *, alone: bool) -> FunctionNode:
        """The same with a text in place of the assertion (see `EditedTest.call`)."""
        tree = parse_source(textwrap.dedent(text))
        if tree is None or (text.strip() and not tree.body):  # a comment alone says nothing
            raise DataError("does not parse")
        function = copy.deepcopy(self.function)
        before, after = function.body[: self._position], function.body[self._position + 1 :]
        if alone:
            before, after = ([each for each in part if not is_assertion(each)] for part in (before, after))
        function.body = [*before, *(tree.body or [ast.Pass()]), *after]
        function.decorator_list = []
        return function


class EditedTest:
    """One test of an imported module that runs without pytest.

    Attributes:
        name: of the test, in small letters.
    """

    def __init__(self, module: ModuleType, tree: ast.Module, name: str, target: str, context: str) -> None:
        """Finds it.

        Args:
            module: that holds the test.
            tree: of the module's source.
            name: qualified, of the test.
            target: the assertion, as the miner prints it.
            context: what stands before it in the example.

        Raises:
            NotAlone: it needs pytest; with the reason.
            DataError: it cannot be run.
        """
        self._module = module
        self._source = TestSource(tree, name, target, context)
        self._holder = self._source.holders
        check_alone(self._source.function, is_method=bool(self._holder))
        self.name = name.lower()

    def call(self, text: str, *, alone: bool = False) -> Callable[[], None]:
        """The test with a text in place of the assertion; "" leaves it out.

        Args:
            text: one or several statements.
            alone: whether the test's other assertions are left out.

        Raises:
            DataError: the text does not parse.
        """
        function = self._source.edited(text, alone=alone)
        code = compile(within_classes(function, self._holder), FILE, "exec", dont_inherit=True)
        made: dict[str, Any] = {}
        exec(code, vars(self._module) | {"KdrayReached": KdrayReached}, made)  # noqa: S102 - a definition alone
        return self._bound(made)

    def _bound(self, made: dict[str, Any]) -> Callable[[], None]:
        if not self._holder:
            function = made[self._source.function.name]
            return lambda: _call_function(self._module, function)
        for name in self._holder:
            made = made[name].__dict__ if isinstance(made.get(name), type) else made
        function, kind = made[self._source.function.name], self._module
        for name in self._holder:
            kind = getattr(kind, name)
        _bring_class(function, kind)
        return lambda: _call_method(kind, function)


def _bring_class(function: Any, kind: Any) -> None:
    """`super()` in the function asks for the class that it stood in."""
    if "__class__" in function.__code__.co_freevars:
        function.__closure__[function.__code__.co_freevars.index("__class__")].cell_contents = kind


def _call_function(module: ModuleType, function: Callable[[], None]) -> None:
    for name in ("setup_module", "setup_function"):
        if set_up := getattr(module, name, None):
            set_up(
                *[module if name == "setup_module" else function][: len(inspect.signature(set_up).parameters)]
            )
    function()


def _call_method(kind: Any, function: Callable[[Any], None]) -> None:
    if issubclass(kind, unittest.TestCase):
        case: Any = kind(function.__name__)
        kind.setUpClass()
        case.setUp()
        function(case)
        return
    case = kind()
    if set_up := getattr(kind, "setup_class", None):
        set_up()
    if set_up := getattr(case, "setup_method", None):
        set_up(*[function][: len(inspect.signature(set_up).parameters)])
    function(case)


def function_of(tree: ast.Module, name: str) -> FunctionNode:
    """The last definition of the name. Raises `DataError`."""
    body: Sequence[ast.stmt] = tree.body
    *holders, last = name.split(".")
    for holder in holders:
        found = [node for node in body if isinstance(node, ast.ClassDef) and node.name == holder]
        body = found[-1].body if found else []
    functions = [node for node in body if isinstance(node, FunctionNode) and node.name == last]
    if not functions:
        raise DataError("the test is not in its file as a function of a module or class")
    return functions[-1]


def check_alone(function: FunctionNode, *, is_method: bool) -> None:
    """Raises `NotAlone` where a test is given what it does not make itself, `DataError` for one that is async."""
    if isinstance(function, ast.AsyncFunctionDef):
        raise DataError("async")
    for decorator in function.decorator_list:
        text = ast.unparse(decorator)
        raise NotAlone("parametrised" if "parametrize" in text else "decorated")
    given = [*function.args.posonlyargs, *function.args.args]
    given = given[: len(given) - len(function.args.defaults)]
    if len(given) > is_method or any(default is None for default in function.args.kw_defaults):
        raise NotAlone("needs fixtures")


def position_of(function: FunctionNode, target: str, context: str) -> int:
    """Where in the test's body the assertion stands: behind the statements that the context ends with."""
    before: list[str] = []
    for number, statement in enumerate(function.body):
        if number == 0 and is_docstring(statement):
            continue
        text = ast.unparse(statement)
        said = "".join(f"    {line}\n" for line in before)
        if text == target and context.endswith(f":\n{said}    "):
            return number
        before += text.split("\n")
    raise DataError("the assertion is not where the corpus has it: was another version installed?")
