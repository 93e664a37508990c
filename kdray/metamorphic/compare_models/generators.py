"""Two generators side by side: the teacher is asked once on a suite of its own, the student is judged on it.

The suite lies in a temporary folder; a sweep's suite stays where its trials find it, and is not touched.

Not covered: the relations on what an attack ended with (attacks: see `written_attacks`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.config import EvaluationConfig
from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.evaluation.metrics import ece, matches
from kdray.metamorphic.answer import answer
from kdray.metamorphic.compare_models.plan import Plan
from kdray.metamorphic.compare_models.result import Mimicry, column, curves
from kdray.metamorphic.compare_models.written_attacks import check_attacks, written_duels
from kdray.metamorphic.discrepancy import discrepancy, discrepancy_interval, rates, violating_share
from kdray.metamorphic.relations import violations
from kdray.metamorphic.suite import Suite, build_suite
from kdray.metamorphic.suite_inputs import IDENTITY
from kdray.metamorphic.suite_metrics import text_flips, worst_cases
from kdray.students.load import weights_fingerprint
from kdray.tasks import Task
from kdray.tasks.assertion import AssertionTask
from kdray.teacher.codecs import CODECS
from kdray.teacher.manifest import ShardHeader

MEAN_APPLYING = 10
"""About so many transformations apply to a test."""


def compare_generators(
    teacher: tuple[str, Any],
    student: tuple[str, Any],
    technique: str,
    task: Task,
    examples: Sequence[Example],
    plan: Plan,
    progress: Advance = lambda done, total: None,
) -> Mimicry:
    """One row of the table.

    Args:
        teacher: name and model.
        student: name and model, over the same tokenizer.
        technique: how the student came about.
        task: encodes and decodes for both.
        examples: the cases, `plan.cases` of them at most.
        plan: what is looked at; a case has about as many variants as gives each transformation `plan.variants`.
        progress: called with (done, total) attacked examples.

    Raises:
        ConfigError: the plan names an attack that does more than rename.
        DataError: no case has a variant.
    """
    check_attacks(plan.attacks)
    with tempfile.TemporaryDirectory() as folder:
        _build(teacher[1], task, examples[: plan.cases], folder, plan)
        suite = Suite.open(folder)
        row = _judge(teacher[0], student, technique, task, suite, plan)
    assert isinstance(task, AssertionTask)  # noqa: S101 - what writes, writes assertions
    return replace(row, duels=written_duels(teacher[1], student[1], task, examples, plan, progress))


def _build(model: Any, task: Task, examples: Sequence[Example], folder: str, plan: Plan) -> None:
    header = ShardHeader(
        task="assertion",
        teacher=weights_fingerprint(model),
        teacher_params=sum(parameter.numel() for parameter in model.parameters()),
        tokenizer=task.fingerprint,
        vocab=model.config.vocab_size,
        corpus="-",
    )
    build_suite(
        model,
        task,
        examples,
        folder,
        header=header,
        codec=CODECS["head"](),
        seed=plan.seed,
        transforms=plan.transforms or None,
        variants=max(1, round(plan.variants * MEAN_APPLYING / len(examples))),
    )


def _judge(
    teacher: str, student: tuple[str, Any], technique: str, task: Task, suite: Suite, plan: Plan
) -> Mimicry:
    numbers = range(len(suite.cases))
    answers, texts = answer(student[1], task, suite, numbers, EvaluationConfig().batch_size)
    clean_N = np.array([transform == IDENTITY for transform in suite.transforms])
    variants = np.flatnonzero(~clean_N)
    name_N = np.array([suite.transforms[row] for row in variants])
    on_variants = answers.select(variants)
    by_relation = violations(on_variants, plan.thresholds)
    case_N = np.array([suite.cases[row] for row in variants])
    said = {"teacher": suite.teacher_texts, "student": texts}
    columns = [
        column(name, False, on_variants.select(name_N == name), plan.thresholds)
        for name in dict.fromkeys(name_N.tolist())
    ]
    return Mimicry(
        teacher=teacher,
        student=student[0],
        technique=technique,
        task="assertion",
        cases=int(clean_N.sum()),
        variants=len(variants),
        metrics={
            who: {"accuracy": float(_right(suite, words)[clean_N].mean())} for who, words in said.items()
        },
        discrepancy=discrepancy(by_relation),
        interval=discrepancy_interval(by_relation, case_N, plan.seed),
        rates=rates(by_relation),
        clean_rates=rates(violations(answers.select(clean_N), plan.thresholds)),
        violating=violating_share(by_relation),
        calibration_gap=abs(
            ece(on_variants.teacher_confidence, _right(suite, suite.teacher_texts)[variants])
            - ece(on_variants.student_confidence, _right(suite, texts)[variants])
        ),
        flips={who: text_flips(suite, variants, words) for who, words in said.items()},
        columns=tuple(columns),
        curves=curves(on_variants, plan.thresholds),
        worst=tuple(worst_cases(suite, task, variants, answers, texts, plan.thresholds)),
    )


def _right(suite: Suite, texts: Sequence[str]) -> NDArray[np.bool_]:
    return matches(texts, suite.references)
