"""Runs originals and variants of real test functions, for the execution proof and for the benchmark."""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import io
import pkgutil
import random
import signal
import time
import types
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kdray.metamorphic.transforms.base import Variant
from kdray.metamorphic.transforms.registry import transforms_of

INDENT = "    "


@dataclass(frozen=True)
class RealTest:
    """A whole test function, cut before its last statement."""

    module: types.ModuleType
    name: str
    context: str
    target: str


@dataclass
class Proof:
    """What happened.

    Attributes:
        functions: test functions of which a variant ran.
        executed: variants that ran, by transformation.
        changed: those with another outcome, in words.
    """

    functions: int = 0
    executed: Counter[str] = field(default_factory=Counter)
    changed: list[str] = field(default_factory=list)


class Slow(BaseException):
    """Raised by the alarm: no test may catch it."""


def _ring(*_: object) -> None:
    raise Slow


def outcome(code: str, module: types.ModuleType, name: str, limit_s: float = 3.0) -> str:
    """`pass`, or the name of what was raised; limits are of processor time, whatever else the machine does."""
    space = dict(module.__dict__)
    before = signal.signal(signal.SIGPROF, _ring)
    gc.disable()  # what rings inside a collector's callback is lost
    signal.setitimer(signal.ITIMER_PROF, limit_s, 0.1)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(code, "<test>", "exec", dont_inherit=True), space)  # noqa: S102
            space[name]()
        return "pass"
    except BaseException as error:
        return type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        gc.enable()


def real_tests(package: str, limit_s: float = 0.05) -> Iterator[RealTest]:
    """Test functions of an installed package that need no fixture and pass quickly, in a fixed order."""
    root = importlib.import_module(package)
    names = [
        found.name for found in pkgutil.walk_packages(root.__path__, f"{package}.", onerror=lambda _: None)
    ]
    names = [name for name in names if ".test_" in name]
    random.Random(0).shuffle(names)
    for module_name in names:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = importlib.import_module(module_name)
        # An optional dependency of that test file, or a marker that only its own project knows.
        except (ImportError, pytest.skip.Exception, pytest.fail.Exception):
            continue
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        for function in tree.body:
            test = _cut(module, function)
            if test is not None:
                started = time.process_time()
                code = test.context + test.target
                passed = outcome(code, module, test.name, limit_s=10 * limit_s) == "pass"
                if passed and time.process_time() - started < limit_s:
                    yield test


def _cut(module: types.ModuleType, function: ast.stmt) -> RealTest | None:
    """As the corpus prints it: canonical, no docstring, target the last statement where that is one line."""
    if not isinstance(function, ast.FunctionDef) or not function.name.startswith("test"):
        return None
    if function.args.args or function.decorator_list or len(function.body) < 2:
        return None
    target = ast.unparse(function.body[-1])
    if "\n" in target:
        return None
    lines = [INDENT + line for statement in function.body[:-1] for line in ast.unparse(statement).split("\n")]
    context = "\n".join([f"def {function.name}():", *lines]) + "\n" + INDENT
    return RealTest(module, function.name, context, target)


def prove(tests: Iterable[RealTest], functions: int, each: int) -> Proof:
    """Runs variants of real test functions, until of so many functions some ran.

    Args:
        tests: where they come from.
        functions: how many.
        each: variants of one function at most; of the transformations that apply, those that ran least so far.
    """
    proof = Proof()
    for number, test in enumerate(tests):
        ran = 0
        for transform in sorted(transforms_of("python"), key=lambda one: proof.executed[one.name]):
            variant = transform(test.context, test.target, number)
            if not isinstance(variant, Variant):
                continue
            found = outcome(variant.context + variant.target, test.module, test.name)
            proof.executed[transform.name] += 1
            ran += 1
            if found != "pass":
                proof.changed.append(f"{test.module.__name__}.{test.name}: {transform.name}: {found}")
            if ran == each:
                break
        proof.functions += ran > 0
        if proof.functions >= functions:
            break
    return proof
