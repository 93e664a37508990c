"""A test that is given what only pytest gives it: fixtures, parameters, what decorators do.

pytest collects its file and runs it, with the code of the test exchanged; a parametrised test passes where it does
with every set of parameters.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

from kdray.errors import DataError
from kdray.execution.case import Case
from kdray.execution.edited_test import KdrayReached, NotTakenDown, TestSource, code_within

PARAMETERS = 10
"""Sets of parameters that a test is run with, at most."""
WITHOUT = ("cacheprovider", "terminal", "randomly", "xdist", "cov", "timeout")
"""pytest's plugins that would change how tests run, or say something."""
Collected = dict[str, list[Any]]
"""Qualified name of a test -> pytest's items."""


def ready_for_pytest() -> None:
    """Imports pytest and its plugins, where it is installed, once for all files of a process."""
    if importlib.util.find_spec("pytest") is None:
        return
    with contextlib.suppress(BaseException):  # each file says so, if they cannot be imported
        from _pytest.config import default_plugins

        for name in default_plugins:
            importlib.import_module(name if name.startswith("_pytest") else f"_pytest.{name}")
        for plugin in importlib.metadata.entry_points(group="pytest11"):
            if plugin.name not in WITHOUT:
                plugin.load()


def with_pytest(path: str, root: str, use: Callable[[Collected], None]) -> bool:
    """Collects a test file that is imported already, and calls `use` while its tests can be run.

    Returns:
        Whether it was called: not where pytest is missing, or cannot collect the file.
    """
    if importlib.util.find_spec("pytest") is None:
        return False
    import pytest

    class Plugin:
        used = False

        def pytest_runtestloop(self, session: Any) -> bool:
            collected: Collected = defaultdict(list)
            for item in session.items:
                names = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
                collected[".".join([*names, getattr(item, "originalname", item.name)])].append(item)
            self.used = True
            use(collected)
            return True

    plugin = Plugin()
    without = [part for name in WITHOUT for part in ("-p", f"no:{name}")]
    pytest.main(["-s", "-c", os.devnull, "--rootdir", root, *without, path], plugins=[plugin])
    return plugin.used


def is_given_more(collected: Collected, name: str) -> bool:
    """Whether a test that asks for nothing is given fixtures: those that are used without being asked for."""
    own = ("_xunit", "_unittest", "request")  # what pytest makes of a test's own setting up
    return any(not each.startswith(own) for item in collected.get(name, ()) for each in item.fixturenames)


def has_fixtures_for_all(path: str, root: str) -> bool:
    """Whether a test file, or a `conftest.py` that it shares, speaks of fixtures that nobody asks for."""
    files, folder = [Path(path)], Path(path).parent
    while folder.is_relative_to(root):
        files.append(folder / "conftest.py")
        folder = folder.parent
    return any(b"autouse" in file.read_bytes() for file in files if file.is_file())


class CollectedTest:
    """One test of a file that pytest has collected.

    Attributes:
        name: of the test, in small letters.
        has_others: whether it has other assertions, which may be left out.
    """

    def __init__(self, collected: Collected, tree: ast.Module, case: Case) -> None:
        """Finds it. Raises `DataError` where it cannot be run (see `EditedTest`)."""
        self._source = TestSource(tree, case)
        self.has_others = self._source.has_others
        items = collected.get(case.test, [])
        if not items:
            raise DataError("pytest does not collect it")
        if any(item.get_closest_marker("xfail") for item in items):
            raise DataError("is expected to fail")
        self._items = items[:PARAMETERS]
        self._functions = [_innermost(item.obj) for item in self._items]
        node = self._source.function
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        if any(each.__code__.co_firstlineno != first for each in self._functions):
            raise DataError("decorated by what hides it")
        self.name = case.test.lower()

    def call(self, text: str, *, alone: bool = False) -> Callable[[], None]:
        """See `EditedTest.call`."""
        code = code_within(self._source.compiled(text, alone=alone), self._source.function.name)
        if code.co_freevars != self._functions[0].__code__.co_freevars:
            raise DataError("does not parse")  # it closes over other names than the test does

        def run() -> None:
            for function in self._functions:
                function.__code__ = code
                function.__globals__["KdrayReached"] = KdrayReached
            _run(self._items)

        return run


def _innermost(test: Any) -> FunctionType:
    function = inspect.unwrap(getattr(test, "__func__", test))
    if not isinstance(function, FunctionType):
        raise DataError("decorated by what hides it")
    return function


def _run(items: Sequence[Any]) -> None:
    """Raises what a test raises; `Skipped` where each set of its parameters is skipped."""
    import pytest

    raised: list[BaseException] = []

    class Watch:
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
            yield  # what `unittest` caught is brought to light in here
            if call.excinfo is not None:
                raised.append(NotTakenDown() if call.when == "teardown" else call.excinfo.value)

    items[0].config.option.tbstyle = "value"  # a traceback that nobody reads takes longer than most tests
    items[0].config.pluginmanager.register(Watch())
    skipped: list[BaseException] = []
    for item in items:
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        for error in raised:
            if not isinstance(error, pytest.skip.Exception):
                raise error
        skipped += raised[:1]
        raised.clear()
    if len(skipped) == len(items):
        raise skipped[0]
