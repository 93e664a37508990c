"""What running students' answers to a suite says, of those of its cases that run (`suite_plan`).

A trial runs only what its student writes otherwise than those whose answers are known, and each text once on a
machine (`known_runs`).

A variant is asked about as a case of its own: the file's test with the variant's statements up to the assertion,
and nothing behind it. It is one of those that run where that passes as its case's does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kdray.config import Execution
from kdray.errors import DataError
from kdray.execution.ask import How
from kdray.execution.ask_any import ask_any
from kdray.execution.case import Ran
from kdray.execution.judged import Answer, measured
from kdray.execution.known_runs import KnownRuns
from kdray.execution.runnable_tests import roots_of
from kdray.execution.suite_plan import FILE, Planned, changed_file, is_kept, read_plan, with_variants
from kdray.storage import exists, fingerprint, join

RUN_CASES, RUN_MUTANTS = "run_cases", "run_mutants"
"""Counts beside the metrics."""
TOLD_OF_VARIANTS = {"pass_rate": "variant_pass_rate", "kill_disagreement": "variant_kill_disagreement"}
"""What is told of variants, by what it is called of clean inputs."""


def how_of(config: Execution, corpus: str | None, processes: int | None = None) -> How:
    """How a sweep runs tests: those of what its corpus was mined from."""
    known = corpus is not None and exists(join(corpus, "corpus.json"))
    roots = roots_of(corpus) if known and corpus is not None else {}
    jars = [part for part in config.classpath.split(os.pathsep) if part]
    return How(
        config.seconds, processes, unsafe=False, roots=roots, classpath=jars
    )  # a file may be a stranger's


class SuiteRuns:
    """The cases of a suite that run."""

    def __init__(self, suite: str, config: Execution, how: How) -> None:
        """Opens them. Raises `DataError` where nobody has looked which they are, or a file is damaged."""
        if not is_kept(suite, config):
            place = join(suite, FILE)
            raise DataError(f"{place}: evaluation.execution: its cases have not been run with these settings")
        plan = read_plan(suite)
        planned = [Planned.read(kept, config.mutants) for kept in with_variants(plan["cases"])]
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

    def judge_variants(
        self, names: Sequence[str], texts: Sequence[str], teacher: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """The same of those of a suite's variants that run, under names of their own."""
        found = self.judge(names, texts, teacher)
        metrics = {new: found[old] for old, new in TOLD_OF_VARIANTS.items() if old in found}
        intervals = {
            new: found["intervals"][old] for old, new in TOLD_OF_VARIANTS.items() if old in found["intervals"]
        }
        counts = {f"{name}_of_variants": number for name, number in found["counts"].items()}
        return metrics | {"intervals": intervals, "counts": counts}

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
