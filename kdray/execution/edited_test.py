"""A Python test with another text in place of one of its assertions, made of its own syntax tree.

Everything else stands as it is: the statements before and behind, the class, what it sets up. A test that needs
what is not there when it runs alone (fixtures, parameters, a decorator) is left out with the reason.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import textwrap
import unittest
import warnings
from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any

from kdray.corpus.python import is_assertion
from kdray.corpus.python_tree import FunctionNode, parse_source, source_of, within_classes
from kdray.errors import DataError
from kdray.execution.case import Case
from kdray.execution.place_of_test import (
    bodies_of,
    function_of,
    future_of,
    is_marked,
    position_of,
    variant_of,
)

FILE = "<test>"
"""What a test that was edited calls its file."""
REACHED = "raise KdrayReached"
"""Stands for the assertion where it is asked whether the run comes to it."""


NOT_CALLED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
"""Flags of a function that does nothing when it is called."""


class KdrayReached(BaseException):
    """A run came to the place of the assertion."""


class NotTakenDown(Exception):
    """What a test sets up cannot be taken down behind it: pytest calls that an error, whatever was raised."""


class NotAlone(DataError):
    """A test needs what only pytest gives it."""


class TestSource:
    """The syntax tree of a test, and the place of one of its assertions.

    Attributes:
        function: the test.
        holders: the classes that it stands in, outermost first.
        is_marked: whether one of them, or its file, is given something by pytest or a decorator.
        has_others: whether there are other assertions, which may be left out.
    """

    __test__ = False  # not one of pytest's own

    def __init__(self, tree: ast.Module, case: Case) -> None:
        """Finds the test of a case. Raises `DataError` where it is not in its file."""
        self.holders = case.test.split(".")[:-1]
        self.function = function_of(tree, case.test)
        self.is_marked = any(map(is_marked, bodies_of(tree, self.holders)))
        self._future = future_of(tree)
        if case.is_variant:
            self._body = variant_of(case.target, case.context)
            self._position = len(self._body) - 1
        else:
            self._body = self.function.body
            self._position = position_of(self.function, case.target, case.context)
        others = self._body[: self._position] + self._body[self._position + 1 :]
        self.has_others = any(map(is_assertion, others))

    def edited(self, text: str, *, alone: bool) -> FunctionNode:
        """The same with a text in place of the assertion (see `EditedTest.call`)."""
        tree = parse_source(textwrap.dedent(text))
        if tree is None or (text.strip() and not tree.body):  # a comment alone says nothing
            raise DataError("does not parse")
        function, body = copy.deepcopy(self.function), copy.deepcopy(self._body)
        before, after = body[: self._position], body[self._position + 1 :]
        if alone:
            before, after = ([each for each in part if not is_assertion(each)] for part in (before, after))
        function.body = [*before, *(tree.body or [ast.Pass()]), *after]
        function.decorator_list = []
        return function

    def compiled(self, text: str, *, alone: bool) -> CodeType:
        """The code that defines it. Raises `DataError` where the text is no statement of such a test."""
        try:
            whole = within_classes(self.edited(text, alone=alone), self.holders)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an assertion on a tuple is nobody's to hear of here
                code: CodeType = compile(whole, FILE, "exec", flags=self._future, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise DataError("does not parse") from error
        if code_within(code, self.function.name).co_flags & NOT_CALLED:  # a test that yields is not run
            raise DataError("yields")
        return code


class EditedTest:
    """One test of an imported module that runs without pytest.

    Attributes:
        name: of the test, in small letters.
        has_others: whether it has other assertions, which may be left out.
    """

    def __init__(self, module: ModuleType, tree: ast.Module, case: Case) -> None:
        """Finds it.

        Args:
            module: that holds the test.
            tree: of the module's source.
            case: which test.

        Raises:
            NotAlone: it needs pytest; with the reason.
            DataError: it cannot be run.
        """
        self._module = module
        self._source = TestSource(tree, case)
        self.has_others = self._source.has_others
        self._holder = self._source.holders
        check_alone(self._source.function, is_method=bool(self._holder))
        if self._source.is_marked:
            raise NotAlone("decorated")
        if len(self._holder) > 1:  # pytest sets up the outer class for it, in its own way
            raise NotAlone("in a class within a class")
        self._check_defined()
        self.name = case.test.lower()

    def _check_defined(self) -> None:
        """Raises `NotAlone` where the module has another test of the name, or none: that of another branch."""
        found: Any = self._module
        for name in [*self._holder, self._source.function.name]:
            found = getattr(found, name, None)
        code = getattr(found, "__code__", None)
        if code is None or code.co_firstlineno != self._source.function.lineno:
            raise NotAlone("defined otherwise in its module")
        kind = getattr(self._module, self._holder[0]) if self._holder else None
        if isinstance(kind, type) and issubclass(kind, unittest.IsolatedAsyncioTestCase):
            raise NotAlone("set up by asyncio")

    def call(self, text: str, *, alone: bool = False) -> Callable[[], None]:
        """The test with a text in place of the assertion; "" leaves it out.

        Args:
            text: one or several statements.
            alone: whether the test's other assertions are left out.

        Raises:
            DataError: the text does not parse.
        """
        code = self._source.compiled(text, alone=alone)
        made: dict[str, Any] = {}
        try:
            exec(code, vars(self._module), made)  # noqa: S102 - a definition alone
        except Exception as error:  # a default that is made of what is no longer there
            raise DataError(f"its definition cannot be made again ({type(error).__name__})") from error
        call = self._bound(made)

        def run() -> None:
            vars(self._module)["KdrayReached"] = KdrayReached
            call()

        return run

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
        return lambda: _call_method(self._module, kind, function)


def _bring_class(function: Any, kind: Any) -> None:
    """`super()` in the function asks for the class that it stood in."""
    if "__class__" in function.__code__.co_freevars:
        function.__closure__[function.__code__.co_freevars.index("__class__")].cell_contents = kind


def _call_function(module: ModuleType, function: Callable[[], None]) -> None:
    _set_up_module(module)
    _set_up(getattr(module, "setup_function", None), function)
    function()
    with taking_down():
        _set_up(getattr(module, "teardown_function", None), function)


@contextlib.contextmanager
def taking_down() -> Iterator[None]:
    """Raises `NotTakenDown` for whatever is raised."""
    try:
        yield
    except BaseException as error:
        raise NotTakenDown from error


def _set_up_module(module: ModuleType) -> None:
    _set_up(getattr(module, "setUpModule", None) or getattr(module, "setup_module", None), module)


def _set_up(call: Callable[..., None] | None, given: object) -> None:
    """Calls what is there, with what is set up, or taken down, if it takes that."""
    if call is not None:
        call(*[given][: len(inspect.signature(call).parameters)])


def _call_method(module: ModuleType, kind: Any, function: Callable[[Any], None]) -> None:
    _set_up_module(module)
    if issubclass(kind, unittest.TestCase):
        case: Any = kind(function.__name__)
        kind.setUpClass()
        case.setUp()
        function(case)
        case.tearDown()
        if not case.doCleanups():
            raise NotTakenDown
        return
    case = kind()
    _set_up(getattr(kind, "setup_class", None), kind)
    _set_up(getattr(case, "setup_method", None), function)
    function(case)
    with taking_down():
        _set_up(getattr(case, "teardown_method", None), function)


def code_within(whole: CodeType, name: str) -> CodeType:
    """The code of a function within that of the classes and the module that it is alone in."""
    inside = [whole]
    while inside:
        code = inside.pop()
        if code.co_name == name and code.co_flags & inspect.CO_OPTIMIZED:
            return code
        inside += [const for const in code.co_consts if isinstance(const, CodeType)]
    raise DataError("does not parse")


def check_alone(function: FunctionNode, *, is_method: bool) -> None:
    """Raises `NotAlone` where a test is given what it does not make itself, `DataError` for one that is async."""
    if isinstance(function, ast.AsyncFunctionDef):
        raise DataError("async")
    for decorator in function.decorator_list:
        text = source_of(decorator)
        raise NotAlone("parametrised" if "parametrize" in text else "decorated")
    given = [*function.args.posonlyargs, *function.args.args]
    given = given[: len(given) - len(function.args.defaults)]
    if len(given) > is_method or any(default is None for default in function.args.kw_defaults):
        raise NotAlone("needs fixtures")
