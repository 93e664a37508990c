"""A test file that this process has imported, and what its tests say with other assertions in their places."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from kdray.corpus.decode import python_text
from kdray.corpus.python_tree import parsed
from kdray.errors import DataError
from kdray.execution.case import Case, Fault, Ran, Verdict
from kdray.execution.collected_test import (
    Collected,
    CollectedTest,
    has_fixtures_for_all,
    is_given_more,
)
from kdray.execution.confinement import Limits
from kdray.execution.edited_test import FILE, REACHED, EditedTest, NotAlone
from kdray.execution.module_import import executed, imported
from kdray.execution.mutants import Key, Mutant, functions_by_code, key_of, mutant_of, mutants_of
from kdray.execution.sandbox import Outcome, run_each

AnyTest = EditedTest | CollectedTest
FAILURES = ("AssertionError", "Failed")
"""Exceptions by which a test says that the code is wrong; the second is pytest's."""
MEMORY_BYTES = 2**32
"""Of address space: libraries for tables reserve some, with their threads, that they never use."""
WAIT = 4.0
"""Times as long as its seconds of a core may a run take by the clock: others may be busy with the same core."""
FUNCTIONS = 3
"""Of the code under test, as many at most have mutants."""


class ImportedFile:
    """The imported module.

    Attributes:
        collected: its tests as pytest has collected them, once it has.
    """

    def __init__(
        self,
        name: str,
        path: str,
        roots: Sequence[str],
        seconds: float,
        *,
        unsafe: bool,
        source: tuple[str, str] | None = None,
    ) -> None:
        """Imports it. Raises `DataError`.

        Args:
            name: of the module.
            path: of the file.
            roots: folders that hold the code under test.
            seconds: of a core that a run may take.
            unsafe: see `run_each`.
            source: what is imported in place of the file, and what its tests are read from; line for line alike.
        """
        self._module = imported(name, path) if source is None else executed(name, path, source[0])
        self._tree = parsed(python_text(Path(path).read_bytes()) if source is None else source[1])
        self._path, self._roots = path, tuple(f"{root}{os.sep}" for root in roots)
        self._limits = Limits(
            wall_seconds=WAIT * seconds, cpu_seconds=max(1, round(seconds)), memory_bytes=MEMORY_BYTES
        )
        self._unsafe = unsafe
        self.collected: Collected | None = None
        self._known: dict[Edit, Verdict] = {}  # of the case that is run
        self._functions = functions_by_code()
        gc.collect()
        gc.freeze()  # a fork would copy all that its collector looks at

    def needs_pytest(self, cases: Sequence[Case]) -> bool:
        """Whether one of these tests is given what it does not make itself."""
        if has_fixtures_for_all(self._path, self._roots[0]):
            return True
        for case in cases:
            try:
                EditedTest(self._module, self._tree, case)
            except NotAlone:
                return True
            except DataError:
                continue
        return False

    def _test(self, case: Case) -> AnyTest:
        """Raises `DataError` where it cannot be run."""
        try:
            if self.collected is None or not is_given_more(self.collected, case.test):
                return EditedTest(self._module, self._tree, case)
        except NotAlone as error:
            if self.collected is None:
                raise DataError(f"{error}, and pytest cannot collect it here") from None
        return CollectedTest(self.collected, self._tree, case)

    def ran(self, case: Case) -> Ran:
        """Runs a case. Raises `Refused` where nothing may be run."""
        try:
            test = self._test(case)
            self._check_runnable(test, case)
            known = None if case.counting is None else [self._mutant(Fault(*each)) for each in case.counting]
        except DataError as error:
            return Ran(str(error))
        self._known = {Edit(case.target if case.is_written else ""): "passes"}
        verdicts = self._verdicts(test, [Edit(text) for text in case.texts])
        if not case.mutants:
            return Ran("", verdicts, [[] for _ in verdicts])
        passing = [text for text, verdict in zip(case.texts, verdicts, strict=True) if verdict == "passes"]
        asked = list(dict.fromkeys([case.target, *passing]))
        alone = zip(asked, self._verdicts(test, [Edit(text, alone=True) for text in asked]), strict=True)
        able = {
            text for text, verdict in alone if verdict == "passes"
        }  # others need what other assertions do
        mutants = known if known is not None else self._counting(test, case) if case.target in able else []
        ours = [text for text in passing if text in able]
        killed = dict(zip(ours, self._killed(test, ours, mutants), strict=True))
        each = [killed.get(text, [False] * len(mutants)) for text in case.texts]
        return Ran("", verdicts, each, [self._fault(mutant) for mutant in mutants])

    def _check_runnable(self, test: AnyTest, case: Case) -> None:
        """Raises `DataError` where the test does not pass twice, or does not come to its assertion; once is enough
        where this is known.
        """
        own = case.target if case.is_written else ""
        if case.counting is not None:
            calls = [test.call(own)]
        else:
            calls = [test.call(own), test.call(own), test.call(REACHED)]
        outcomes = self._run(calls)
        for outcome, again in zip(outcomes[:2], ("", " in a second run"), strict=False):
            if outcome.ending != "completed":
                raise DataError(f"{_said(outcome)}{again}")
        if outcomes[2:] and outcomes[2].error != "KdrayReached":
            raise DataError("does not come to its assertion")

    def _fault(self, mutant: Mutant) -> Fault:
        file, line, name = mutant.key
        root = next(root for root in self._roots if file.startswith(root))
        return Fault(file.removeprefix(root), line, name, mutant.number, mutant.what)

    def _mutant(self, fault: Fault) -> Mutant:
        """Raises `DataError` where the code has none like it."""
        for root in self._roots:
            for function in self._functions.get((f"{root}{fault.file}", fault.line, fault.name), [])[:1]:
                found = mutant_of(function, fault.number)
                if found is not None and found.what == fault.what:
                    return found
        raise DataError("the code under test is another than when its faults were chosen")

    def _counting(self, test: AnyTest, case: Case) -> list[Mutant]:
        """The mutants that the example's own assertion kills alone, and the test without any does not."""
        functions = self._called(test, case.target)
        each = -(-case.mutants // max(1, len(functions)))
        mutants = [mutant for function in functions for mutant in mutants_of(function, each)][: case.mutants]
        (own,) = self._killed(test, [case.target], mutants)
        noticed = [mutant for mutant, killed in zip(mutants, own, strict=True) if killed]
        (without,) = self._killed(test, [""], noticed)
        return [mutant for mutant, killed in zip(noticed, without, strict=True) if not killed]

    def _killed(self, test: AnyTest, texts: Sequence[str], mutants: Sequence[Mutant]) -> list[list[bool]]:
        """Which mutants each of the assertions kills, alone in the test."""
        edits = [Edit(text, mutant, alone=True) for text in texts for mutant in mutants]
        verdicts = iter(self._verdicts(test, edits))
        return [[next(verdicts) != "passes" for _ in mutants] for _ in texts]

    def _called(self, test: AnyTest, target: str) -> list[FunctionType]:
        """The functions of the package that the test itself calls, those with a name that it speaks of first."""
        (told,) = self._run([_profiled(test.call(target))])
        keys: list[Key] = []
        for line in told.output.splitlines():
            with contextlib.suppress(ValueError, TypeError):
                keys.append(tuple(json.loads(line)))
        own = [key for key in dict.fromkeys(keys) if key[0].startswith(self._roots) and key[0] != self._path]
        own.sort(key=lambda key: key[2].strip("_").lower() not in test.name)
        found = [self._functions[key][0] for key in own if key in self._functions]
        return found[:FUNCTIONS]

    def _verdicts(self, test: AnyTest, edits: Sequence[Edit]) -> list[Verdict]:
        """Each kind of edit is run once: the own assertion, nothing and a guess share most of what is asked."""
        asked = [edit if test.has_others else replace(edit, alone=False) for edit in edits]
        calls: dict[Edit, Callable[[], None]] = {}
        for edit in dict.fromkeys(asked):
            if edit in self._known:
                continue
            try:
                call = test.call(edit.text, alone=edit.alone)
            except DataError:
                self._known[edit] = "unparsed"
            else:
                calls[edit] = call if edit.mutant is None else self._with(edit.mutant, call)
        self._known |= zip(calls, map(_verdict, self._run(list(calls.values()))), strict=True)
        return [self._known[edit] for edit in asked]

    def _with(self, mutant: Mutant, call: Callable[[], None]) -> Callable[[], None]:
        def changed() -> None:
            for function in self._functions[mutant.key]:
                function.__code__ = mutant.code
            call()

        return changed

    def _run(self, calls: Sequence[Callable[[], None]]) -> list[Outcome]:
        outcomes = run_each(calls, self._limits, self._unsafe)
        if outcomes and outcomes[0].ending == "refused":
            raise Refused(outcomes[0].message)
        return outcomes


@dataclass(frozen=True)
class Edit:
    """A change of the test, and of the code under test.

    Attributes:
        text: in place of the assertion; "" for none.
        mutant: that is run; None for the code as it is.
        alone: whether the test's other assertions are left out.
    """

    text: str
    mutant: Mutant | None = None
    alone: bool = False


def _verdict(outcome: Outcome) -> Verdict:
    if outcome.ending == "completed":
        return "passes"
    return "fails" if outcome.ending == "raised" and outcome.error in FAILURES else "raises"


class Refused(Exception):
    """The system does not let a run be confined."""


def _profiled(call: Callable[[], None]) -> Callable[[], None]:
    """The same, printing the code that it calls itself."""

    def told() -> None:
        called: dict[CodeType, None] = {}

        def profile(frame: Any, event: str, argument: Any) -> None:
            if event == "call" and frame.f_back is not None and frame.f_back.f_code.co_filename == FILE:
                called[frame.f_code] = None

        sys.setprofile(profile)
        try:
            call()
        finally:
            sys.setprofile(None)
        for code in called:
            sys.stdout.write(f"\n{json.dumps(key_of(code))}\n")

    return told


def _said(outcome: Outcome) -> str:
    """How a test's own run ended, in words that many share."""
    if outcome.ending == "raised":
        own = {"Skipped": "skips itself", "NotTakenDown": "cannot be taken down here"}
        return own.get(outcome.error, f"does not pass here ({outcome.error})")
    return {"time": "takes too long", "output": "writes too much"}.get(
        outcome.ending, f"ends by {outcome.ending}"
    )
