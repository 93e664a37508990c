"""Which cases of a suite can be run, kept beside it, and what running a student's answers to them says.

`execution.json` in the suite's folder holds, for each case that runs here: the test, which faults count, and what
came of the assertions that are known already (its own, none, the teacher's). So a trial runs only what its student
writes otherwise, and each text of it once on a machine (`known_runs`).

Not covered: variants, which are no tests of a file.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kdray.config import Execution
from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.corpus.left_out import LeftOut
from kdray.errors import DataError
from kdray.execution.ask import How
from kdray.execution.ask_any import ask_any, place_of
from kdray.execution.case import Case, Fault, Ran
from kdray.execution.judged import Answer, measured
from kdray.execution.known_runs import KnownRuns
from kdray.execution.mutants import OPERATORS
from kdray.execution.runnable_tests import roots_of
from kdray.storage import exists, fingerprint, join, read_json, sha256, write_json

FILE = "execution.json"
WHY_NOT = "why_not"
"""In place of cases, where none can be run here."""
RUN_CASES, RUN_MUTANTS = "run_cases", "run_mutants"
"""Counts beside the metrics."""


def how_of(config: Execution, corpus: str | None, processes: int | None = None) -> How:
    """How a sweep runs tests: those of what its corpus was mined from."""
    known = corpus is not None and exists(join(corpus, "corpus.json"))
    roots = roots_of(corpus) if known and corpus is not None else {}
    jars = [part for part in config.classpath.split(os.pathsep) if part]
    return How(
        config.seconds, processes, unsafe=False, roots=roots, classpath=jars
    )  # a file may be a stranger's


def is_planned(suite: str, config: Execution, how: How) -> bool:
    """Whether a suite's cases have been run with these settings, and what was run is still the same."""
    return _is_kept(suite, config) and WHY_NOT not in read_plan(suite) and not changed_file(suite, how)


def keep_none(suite: str, config: Execution, why: str) -> None:
    """Keeps that no case of a suite can be run: trials measure nothing of it, the next launch tries again."""
    write_json(join(suite, FILE), {"settings": _settings(config), WHY_NOT: why, "cases": []})


def _is_kept(suite: str, config: Execution) -> bool:
    path = join(suite, FILE)
    plan = read_json(path) if exists(path) else None
    return isinstance(plan, dict) and plan.get("settings") == _settings(config)


def _sources(kept: Sequence[Mapping[str, Any]], how: How) -> dict[str, str]:
    """File of a test or of a fault in the code under test -> SHA-256, of those that are here."""
    found: dict[str, str] = {}
    for case in kept:
        place = place_of(_Planned.read(case, mutants=0).example, how.roots)
        if place is None:
            continue
        package = case["group"].partition("/")[0]
        paths = [(case["group"], place.path)]
        paths += [
            (f"{package}/{fault[0]}", Path(root, fault[0]))
            for fault in case["counting"]
            for root in place.roots
        ]
        for name, path in paths:
            if name not in found and path.is_file():
                found[name] = sha256(path.read_bytes())
    return found


def changed_file(suite: str, how: How) -> str:
    """One that is another than when a suite's cases were run; "" for none. Raises `DataError`."""
    plan = read_plan(suite) if exists(join(suite, FILE)) else {"cases": []}
    then, now = plan.get("sources", {}), _sources(plan["cases"], how)
    return next((name for name in now if name in then and now[name] != then[name]), "")


def read_plan(suite: str) -> dict[str, Any]:
    """What is kept of a suite (see `plan_runs`). Raises `DataError` where it is damaged."""
    path = join(suite, FILE)
    plan: dict[str, Any] = read_json(path)
    try:
        for kept in plan["cases"]:
            _Planned.read(kept, mutants=0)
        dict.keys(plan.get("sources", {}))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DataError(f"{path}: damaged: remove it, and it is made anew") from None
    return plan


def plan_runs(
    suite: str,
    examples: Sequence[Example],
    teacher_texts: Sequence[str],
    config: Execution,
    how: How,
    progress: Advance = lambda done, total: None,
) -> dict[str, Any]:
    """Runs the tests of a suite's cases, chooses the faults that count, and keeps it.

    Args:
        suite: its folder.
        examples: its cases in its order.
        teacher_texts: the teacher's answers to them.
        config: see there.
        how: see there.
        progress: called with (done, total) cases.

    Returns:
        What is kept.

    Raises:
        ConfigError: the system does not let runs be confined.
        DataError: not one case can be run.
    """
    kept: list[dict[str, Any]] = []
    left_out = LeftOut()
    tried = 0
    while len(kept) < config.cases and tried < len(examples):
        some = examples[tried : tried + max(2 * (config.cases - len(kept)), 20)]
        texts = [
            tuple(dict.fromkeys([example.target, "", text]))
            for example, text in zip(some, teacher_texts[tried:], strict=False)
        ]
        cases = [
            Case(e.test, e.target, e.context, each, config.mutants)
            for e, each in zip(some, texts, strict=True)
        ]
        ran = ask_any(some, cases, how, partial(_behind, progress, tried, len(examples)))
        for example, case, each in zip(some, cases, ran, strict=True):
            if each.reason:
                left_out.add(each.reason, f"{example.group} {example.test}")
            elif len(kept) < config.cases:
                kept.append(_kept(example, case, each))
        tried += len(some)
    if not kept:
        raise DataError("; ".join([f"{suite}: none of its cases can be run here", *left_out.lines()]))
    plan = {
        "made": secrets.token_hex(8),  # what was known of an older plan's runs may be of other code
        "settings": _settings(config),
        "tried": tried,
        "left_out": left_out.because(),
        "sources": _sources(kept, how),
        "cases": kept,
    }
    write_json(join(suite, FILE), plan)
    return plan


def _behind(progress: Advance, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _settings(config: Execution) -> dict[str, Any]:
    asked: dict[str, Any] = {"cases": config.cases, "mutants": config.mutants, "seconds": config.seconds}
    if config.classpath:
        asked["classpath"] = config.classpath
    return asked | {"operators": OPERATORS}


def _kept(example: Example, case: Case, ran: Ran) -> dict[str, Any]:
    known = zip(case.texts, ran.verdicts, ran.killed, strict=True)
    return {
        "id": example.id, "group": example.group, "test": example.test, "target": example.target,
        "context": example.context, "language": example.language, "focal": example.focal, "after": example.after,
        "counting": [list(fault) for fault in ran.counting],
        "known": {text: [verdict, killed] for text, verdict, killed in known},
    }  # fmt: skip


@dataclass(frozen=True)
class _Planned:
    """A case that runs."""

    example: Example
    case: Case
    known: dict[str, Answer]

    @classmethod
    def read(cls, kept: Mapping[str, Any], mutants: int) -> _Planned:
        example = Example(
            id=kept["id"], group=kept["group"], language=kept.get("language", "python"), test=kept["test"],
            focal=kept.get("focal", ""), context=kept["context"], target=kept["target"], split="test",
            after=kept.get("after", ""),
        )  # fmt: skip
        counting = tuple(Fault(*each) for each in kept["counting"])
        case = Case(kept["test"], kept["target"], kept["context"], (), mutants, counting)
        known = {
            text: Answer(verdict, [bool(each) for each in killed])
            for text, (verdict, killed) in kept["known"].items()
        }
        if any(len(answer.killed) != len(counting) for answer in known.values()):
            raise ValueError("as many answers as faults")
        return cls(example, case, known)


class SuiteRuns:
    """The cases of a suite that run."""

    def __init__(self, suite: str, config: Execution, how: How) -> None:
        """Opens them. Raises `DataError` where nobody has looked which they are, or a file is damaged."""
        if not _is_kept(suite, config):
            place = join(suite, FILE)
            raise DataError(f"{place}: evaluation.execution: its cases have not been run with these settings")
        plan = read_plan(suite)
        planned = [_Planned.read(kept, config.mutants) for kept in plan["cases"]]
        if changed := changed_file(suite, how):
            raise DataError(
                f"evaluation.execution: {changed} is another file than when the suite's cases were run: kdray"
                " resume runs them again"
            )
        self._planned = {one.example.id: one for one in planned}
        self._how = how
        self._ran: dict[tuple[str, str], Answer] = {}
        self._runs = KnownRuns(fingerprint(str(plan.get("made")), *self._planned))

    def run(self, written: Sequence[Mapping[str, str]]) -> None:
        """Runs the answers of several writers at once: case -> text. `judge` has them at hand then."""
        self._answers(
            [each for texts in written for each in texts.items() if each[0] in self._planned], empty=False
        )

    def judge(
        self,
        ids: Sequence[str],
        texts: Sequence[str],
        teacher: Sequence[str] | None = None,
        *,
        empty: bool = False,
    ) -> dict[str, Any]:
        """The metrics of those of a suite's clean inputs that run.

        Args:
            ids: of cases.
            texts: an answer to each.
            teacher: the teacher's, for `kill_disagreement`.
            empty: whether an empty text is meant: the test without the assertion.

        Returns:
            Metrics with `intervals`, and `counts`; see `judged`. None where none of these cases runs.

        Raises:
            DataError: one that ran when the suite was made does not now.
        """
        numbers = [number for number, one in enumerate(ids) if one in self._planned]
        if not numbers:
            return {"intervals": {}, "counts": {}}
        answers = self._answers([(ids[n], texts[n]) for n in numbers], empty=empty)
        beside = None
        if teacher is not None:
            beside = self._answers([(ids[n], teacher[n]) for n in numbers], empty=False)
        groups_N = np.array([self._planned[ids[n]].example.group for n in numbers])
        counts = {RUN_CASES: len(numbers), RUN_MUTANTS: sum(len(answer.killed) for answer in answers)}
        return measured(answers, groups_N, beside) | {"counts": counts}

    def _answers(self, asked: Sequence[tuple[str, str]], *, empty: bool) -> list[Answer]:
        known = self._ran | {
            each: answer
            for each, answer in self._runs.known(asked).items()
            if len(answer.killed) == len(self._planned[each[0]].case.counting or ())
        }
        for name, text in asked:
            planned = self._planned[name]
            if not text.strip() and not empty:
                known[name, text] = Answer("unparsed", [False] * len(planned.case.counting or ()))
            elif text in planned.known:
                known[name, text] = planned.known[text]
        new = [each for each in dict.fromkeys(asked) if each not in known]
        ran = self._run(new)
        self._runs.keep(ran)
        self._ran |= ran
        return [(known | ran)[each] for each in asked]

    def _run(self, asked: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Answer]:
        found = self._ask(asked)
        # Once more what did not run: on a busy machine a test may take too long, and a trial has cost more.
        found |= self._ask([each for each in asked if found[each].reason])
        for (name, _), ran in found.items():
            if ran.reason:
                example = self._planned[name].example
                raise DataError(
                    f"{example.group} {example.test} ran when its suite was made, and now: {ran.reason}"
                )
        return {each: Answer(ran.verdicts[0], ran.killed[0]) for each, ran in found.items()}

    def _ask(self, asked: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Ran]:
        planned = [self._planned[name] for name, _ in asked]
        cases = [replace(one.case, texts=(text,)) for one, (_, text) in zip(planned, asked, strict=True)]
        ran = ask_any([one.example for one in planned], cases, self._how, lambda done, total: None)
        return dict(zip(asked, ran, strict=True))
