"""What running assertions says of those who wrote them: they parse, they pass, they catch a fault.

Definitions (ours). Of the cases whose own test runs here: `parse_rate`, the share of assertions that parse;
`pass_rate`, with which the test passes on the code as it is; `false_alarm_rate`, with which it fails, so that
sound code would be taken for wrong. In Java, `parse_rate` and `compile_rate` are of the cases whose own test
compiles here, whether it runs or not.

Faults are asked about without the test's other assertions, which would often notice first: a mutant counts
where the test's own assertion kills it and the test without any does not. `kill_rate` is the share of those
that an assertion kills which passes without the fault; `vacuous_rate`, of the cases with such mutants, the
share of assertions that pass and kill none. Two writers' `kill_disagreement` is the share of those mutants that
one of them kills and the other does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.corpus.left_out import LeftOut
from kdray.errors import DataError
from kdray.evaluation.intervals import clustered
from kdray.evaluation.metrics import matches
from kdray.execution.ask import How
from kdray.execution.ask_any import ask_any
from kdray.execution.case import Case, Ran
from kdray.execution.java.compile_rates import compile_rates, compiled_cases

ORIGINAL, NOTHING = "original", "no_assertion"
"""The test's own assertion, and none."""


@dataclass(frozen=True)
class Judged:
    """What came of running some assertions.

    Attributes:
        metrics: name of who wrote them -> metrics with intervals.
        cases: how many examples could be run.
        mutants: that count, over all cases.
        left_out: why others could not.
    """

    metrics: dict[str, dict[str, Any]]
    cases: int
    mutants: int
    left_out: LeftOut = field(default_factory=LeftOut)

    def as_data(self) -> dict[str, Any]:
        """As a table or JSON has it."""
        return {
            "cases": self.cases, "mutants": self.mutants, "left_out": self.left_out.because(), **self.metrics,
        }  # fmt: skip


def judge(
    examples: Sequence[Example],
    written: Mapping[str, Sequence[str]],
    *,
    mutants: int = 0,
    how: How | None = None,
    progress: Advance = lambda done, total: None,
) -> Judged:
    """Runs what several writers wrote for the same examples, beside the tests' own assertions and none.

    Args:
        examples: of a mined Python corpus.
        written: name -> an assertion for each example.
        mutants: of a case, at most; 0 for none.
        how: see there; None means the defaults.
        progress: called with (done, total) cases.

    Raises:
        ConfigError: the system does not let runs be confined.
        DataError: not one example can be run.
    """
    everyone = {ORIGINAL: [example.target for example in examples], NOTHING: [""] * len(examples), **written}
    cases = [
        Case(
            e.test,
            e.target,
            e.context,
            tuple(dict.fromkeys(texts[i] for texts in everyone.values())),
            mutants,
        )
        for i, e in enumerate(examples)
    ]
    ran = ask_any(examples, cases, how or How(), progress)
    left_out, runnable = LeftOut(), list[int]()
    compiled = compiled_cases(examples, ran)
    for number, each in enumerate(ran):
        if each.reason:
            left_out.add(each.reason, f"{examples[number].group} {examples[number].test}")
        else:
            runnable.append(number)
    if not runnable and not compiled:
        raise DataError("; ".join(["none of these examples can be run here", *left_out.lines()]))
    groups_N = np.array([examples[i].group for i in runnable])
    metrics = {}
    for name, texts in everyone.items():
        found = [Answer.of(ran[i], cases[i], texts[i], empty=name == NOTHING) for i in runnable]
        metrics[name] = {"cases": len(found)} | measured(found, groups_N)
        right = matches([texts[i] for i in runnable], [examples[i].target for i in runnable])
        metrics[name] |= _beside(found, right)
        if compiled:
            verdicts = [
                Answer.of(ran[i], cases[i], texts[i], empty=name == NOTHING).verdict for i in compiled
            ]
            compile_rates(metrics[name], verdicts, [examples[i].group for i in compiled])
    return Judged(metrics, len(runnable), sum(len(ran[i].killed[0]) for i in runnable), left_out)


@dataclass(frozen=True)
class Answer:
    """One assertion: how its test ended, and which of the case's mutants it kills."""

    verdict: str
    killed: Sequence[bool]

    @classmethod
    def of(cls, ran: Ran, case: Case, text: str, *, empty: bool) -> Answer:
        """Of a text that was among the case's; `empty` where nothing was meant to be written."""
        at = case.texts.index(text)
        if not text.strip() and not empty:  # who was to write an assertion wrote nothing
            return cls("unparsed", [False] * len(ran.killed[at]))
        return cls(ran.verdicts[at], ran.killed[at])

    @property
    def is_vacuous(self) -> bool:
        """Whether it passes although there are mutants, and kills none."""
        return self.verdict == "passes" and bool(self.killed) and not any(self.killed)


def measured(
    answers: Sequence[Answer], groups_N: NDArray[Any], beside: Sequence[Answer] | None = None
) -> dict[str, Any]:
    """The metrics of one writer, and `intervals` over test files; those that nothing was counted for are left out.

    Args:
        answers: one for each case.
        groups_N: the test file of each.
        beside: another writer's, for `kill_disagreement`.
    """
    verdicts_N = np.array([answer.verdict for answer in answers], dtype=object)
    tried_N = np.array([bool(answer.killed) for answer in answers], bool)
    vacuous_N = np.array([answer.is_vacuous for answer in answers], bool)
    of = np.repeat(groups_N, [len(answer.killed) for answer in answers])
    killed_N = _flat(answers)
    shares = {
        "parse_rate": (verdicts_N != "unparsed", groups_N),
        "pass_rate": (verdicts_N == "passes", groups_N),
        "false_alarm_rate": (verdicts_N == "fails", groups_N),
        "kill_rate": (killed_N, of),
        "vacuous_rate": (vacuous_N[tried_N], groups_N[tried_N]),
    }
    if beside is not None:
        shares["kill_disagreement"] = killed_N != _flat(beside), of
    counted = {name: share for name, share in shares.items() if len(share[0])}
    metrics: dict[str, Any] = {name: float(hits_N.mean()) for name, (hits_N, _) in counted.items()}
    intervals = {name: list(clustered(hits_N.astype(bool), of_N)) for name, (hits_N, of_N) in counted.items()}
    return metrics | {"intervals": intervals}


def _flat(answers: Sequence[Answer]) -> NDArray[np.bool_]:
    return np.array([hit for answer in answers for hit in answer.killed], bool)


def _beside(answers: Sequence[Answer], right_N: NDArray[np.bool_]) -> dict[str, Any]:
    """Strict accuracy beside what running says."""
    missed = [answer for answer, right in zip(answers, right_N, strict=True) if not right]
    hit = [answer for answer, right in zip(answers, right_N, strict=True) if right]
    return {
        "assertion_accuracy": float(right_N.mean()) if len(right_N) else None,
        "strict_misses_that_pass_and_kill": sum(any(answer.killed) for answer in missed),
        "strict_hits_that_are_vacuous": sum(answer.is_vacuous for answer in hit),
    }
