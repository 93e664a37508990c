"""A student's metrics on a suite: how often it is right, and how deeply it mimics its teacher.

Not covered: the teacher, which is not here; its word is in the suite.

Shape suffixes: N rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kdray.config import EvaluationConfig
from kdray.config.metric_names import violated
from kdray.errors import DataError
from kdray.evaluation.answering import answering
from kdray.evaluation.intervals import clustered
from kdray.evaluation.lenient import is_java, lenient_mean
from kdray.evaluation.metrics import ece, matches
from kdray.metamorphic.answer import answer
from kdray.metamorphic.discrepancy import (
    Rate,
    discrepancy,
    discrepancy_interval,
    flips,
    rates,
    violating_share,
)
from kdray.metamorphic.outcomes import outcomes
from kdray.metamorphic.relations import Answers, Thresholds, violations
from kdray.metamorphic.suite import Suite
from kdray.metamorphic.suite_inputs import IDENTITY
from kdray.metamorphic.worst import WorstCase, most_violating, source_diff
from kdray.tasks import Task

Value = TypeVar("Value")
BOOTSTRAP_SEED = 0
MOST_WORST = 20
"""Worst cases that are kept."""


@dataclass(frozen=True)
class Evaluation:
    """A student's metrics.

    Attributes:
        metrics: `assertion_accuracy` (strict, clean inputs, against the ground truth), for a classifier
            `accuracy` instead, with `precision`, `recall` and `f1` of class 1,
            `metamorphic_discrepancy`, `violating_share`, of each relation the share of variants that violate it
            (its name with `_violated` behind it) and of clean inputs (with `clean_` before it), `agreement`
            (greedy output equal to the teacher's on clean inputs), `variant_accuracy`, `flips` and
            `teacher_flips`, `confidence`, `ece`, `teacher_ece`, `calibration_gap` (on variants),
            `teacher_accuracy`. A relation that counted nothing is left out.
            Of Java also `lenient_accuracy`, `teacher_lenient_accuracy` and `lenient_agreement` (clean inputs).
        intervals: 95 %: Wilson for shares (of clean inputs by test file), bootstrap over test files for the
            discrepancy.
        counts: `cases`, `variants`, and the number counted for each relation.
        relations: per transformation the share of its variants that violate each relation.
        worst: the worst cases, as `kdray.results` describes them.
        outcomes: on each case (see `outcomes`).
        said: the student's answer to the clean input of each case.
        said_to_variants: and to each variant, by its name in the suite.
    """

    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    counts: dict[str, int]
    relations: dict[str, dict[str, float]] = field(default_factory=dict)
    worst: list[dict[str, Any]] = field(default_factory=list)
    outcomes: dict[str, Any] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    said_to_variants: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data: the metrics, and `intervals`, `counts`, `relations` beside them."""
        intervals = {name: list(ends) for name, ends in self.intervals.items()}
        return {**self.metrics, "intervals": intervals, "counts": self.counts, "relations": self.relations}


def evaluate(
    model: Any, task: Task, suite: Suite, config: EvaluationConfig, *, cases: int | None = None
) -> Evaluation:
    """Judges a student on the first cases of a suite.

    Args:
        model: the student.
        task: encodes and decodes, with the tokenizer of the suite or of its `reread`.
        suite: with the teacher's word.
        config: thresholds and batch size.
        cases: clean inputs; None takes `config.cases`.

    Raises:
        DataError: where the cases have no variant.
    """
    numbers = suite.first(config.cases if cases is None else cases)
    clean_N = np.array([suite.transforms[number] == IDENTITY for number in numbers], bool)
    if clean_N.all():
        raise DataError(f"{suite.source.folder}: its first {len(numbers)} rows hold no variant")
    answers, texts = answer(model, task, suite, numbers, config.batch_size)
    thresholds = Thresholds(config.similarity_bits, config.confidence, config.calibration)
    evaluation = _metrics(suite, task.accuracy, clean_N, answers, texts, thresholds)
    worst = worst_cases(suite, task, np.flatnonzero(~clean_N), answers, texts, thresholds)
    said, truth = ([source[row] for row in np.flatnonzero(clean_N)] for source in (texts, suite.references))
    more = answering(task).class_metrics(said, truth)
    return replace(
        evaluation,
        metrics=_at_the_end(evaluation.metrics, tuple(more)) | more,
        intervals=_at_the_end(evaluation.intervals, tuple(more)),
        worst=[case.as_dict() for case in worst],
        said={suite.cases[row]: texts[row] for row in np.flatnonzero(clean_N)},
        said_to_variants={suite.name(int(row)): texts[row] for row in np.flatnonzero(~clean_N)},
    )


def _at_the_end(values: Mapping[str, Value], names: Sequence[str]) -> dict[str, Value]:
    """The same with these last, where they are there: a classifier's metrics stand together in every table."""
    return {name: values[name] for name in sorted(values, key=lambda name: name in names)}


def worst_cases(
    suite: Suite,
    task: Task,
    variants: NDArray[Any],
    answers: Answers,
    texts: Sequence[str],
    thresholds: Thresholds,
) -> list[WorstCase]:
    """At most `MOST_WORST` variants that violate most relations, the most divergent first among equals.

    `variants` are row numbers of the suite, of which `answers` and `texts` tell; sources are shown as the
    student read them.
    """
    chosen = most_violating(answers.select(variants), thresholds, MOST_WORST)
    rows = [int(variants[i]) for i, _, _ in chosen]
    sources = _sources(suite, task, rows)
    clean = _sources(suite, task, [suite.clean_row[row] for row in rows])
    return [
        WorstCase(
            transform=suite.transforms[row],
            relations=broken,
            source=source,
            diff=source_diff(before, source),
            other="",
            truth=suite.references[row],
            teacher=suite.teacher_texts[row],
            student=texts[row],
            severity=round(severity, 4),
        )
        for (_, broken, severity), row, source, before in zip(chosen, rows, sources, clean, strict=True)
    ]


def _sources(suite: Suite, task: Task, rows: Sequence[int]) -> list[str]:
    if not rows:
        return []
    prompts, _, _ = suite.read(rows)
    return [task.text(prompt) for prompt in prompts]


def _metrics(
    suite: Suite,
    accuracy: str,
    clean_N: NDArray[np.bool_],
    answers: Answers,
    texts: list[str],
    thresholds: Thresholds,
) -> Evaluation:
    variants = np.flatnonzero(~clean_N)
    on_variants, on_clean = answers.select(~clean_N), answers.select(clean_N)
    by_relation = violations(on_variants, thresholds)
    rows = range(len(clean_N))
    right_N = matches(texts, suite.references[: len(texts)])
    teacher_right_N = matches(suite.teacher_texts[: len(texts)], suite.references[: len(texts)])
    shares: dict[str, Rate] = {
        accuracy: _share(right_N[clean_N]),
        "variant_accuracy": _share(right_N[~clean_N]),
        "teacher_accuracy": _share(teacher_right_N[clean_N]),
        "agreement": _share(on_clean.agrees),
        "violating_share": violating_share(by_relation),
        "flips": text_flips(suite, variants, texts),
        "teacher_flips": text_flips(suite, variants, [suite.teacher_texts[row] for row in rows]),
        **{violated(name): rate for name, rate in rates(by_relation).items()},
        **{f"clean_{violated(name)}": rate for name, rate in rates(violations(on_clean, thresholds)).items()},
    }
    student_ece = ece(on_variants.student_confidence, right_N[~clean_N])
    teacher_ece = ece(on_variants.teacher_confidence, teacher_right_N[~clean_N])
    metrics = {
        "metamorphic_discrepancy": discrepancy(by_relation),
        **{name: rate.share for name, rate in shares.items() if rate.total},
        "confidence": float(on_variants.student_confidence.mean()),
        "ece": student_ece,
        "teacher_ece": teacher_ece,
        "calibration_gap": abs(student_ece - teacher_ece),
    }
    group_N = np.array([suite.groups[row] for row in rows])
    clean_hits = {accuracy: right_N, "teacher_accuracy": teacher_right_N, "agreement": answers.agrees}
    intervals = {
        "metamorphic_discrepancy": discrepancy_interval(by_relation, group_N[~clean_N], BOOTSTRAP_SEED),
        **{name: rate.interval for name, rate in shares.items() if rate.total},
        **{name: clustered(hits_N[clean_N], group_N[clean_N]) for name, hits_N in clean_hits.items()},
    }
    for name, (mean, interval) in _lenient(suite, np.flatnonzero(clean_N), texts).items():
        metrics[name], intervals[name] = mean, interval
    counts = {"cases": int(clean_N.sum()), "variants": len(variants)}
    counts |= {name: rate.total for name, rate in rates(by_relation).items()}
    by_transform = _by_transform(suite, variants, on_variants, thresholds)
    found = outcomes(suite, clean_N, right_N, by_relation)
    return Evaluation(metrics, intervals, counts, by_transform, outcomes=found)


def _lenient(
    suite: Suite, rows: NDArray[Any], texts: Sequence[str]
) -> dict[str, tuple[float, tuple[float, float]]]:
    """The alpha-temperature study's lenient accuracy against truth and teacher, of Java."""
    said, teacher, truth = (
        [source[row] for row in rows] for source in (texts, suite.teacher_texts, suite.references)
    )
    if not is_java(truth):
        return {}
    return {
        "lenient_accuracy": lenient_mean(said, truth),
        "teacher_lenient_accuracy": lenient_mean(teacher, truth),
        "lenient_agreement": lenient_mean(said, teacher),
    }


def _share(hits_N: NDArray[np.bool_]) -> Rate:
    return Rate(int(hits_N.sum()), len(hits_N))


def text_flips(suite: Suite, variants: NDArray[Any], texts: Sequence[str]) -> Rate:
    """MORPH's flips of a suite's variants; `texts` has an answer for every row of it."""
    clean = [texts[suite.clean_row[row]] for row in variants]
    return flips(clean, [rename_back(texts[row], suite.renames[row]) for row in variants])


def rename_back(text: str, renames: Sequence[tuple[str, str]]) -> str:
    """An answer to a variant in the words of the original."""
    old_of: Mapping[str, str] = {new: old for old, new in renames}
    return re.sub(r"[^\W\d]\w*", lambda word: old_of.get(word[0], word[0]), text) if old_of else text


def _by_transform(
    suite: Suite, variants: NDArray[Any], on_variants: Answers, thresholds: Thresholds
) -> dict[str, dict[str, float]]:
    """Per transformation: number of variants and the rates of the relations that counted something."""
    names = np.array([suite.transforms[row] for row in variants])
    table: dict[str, dict[str, float]] = {}
    for name in sorted(set(names.tolist())):
        by_relation = violations(on_variants.select(names == name), thresholds)
        shares = {relation: rate.share for relation, rate in rates(by_relation).items()}
        table[name] = {"variants": int((names == name).sum())}
        table[name] |= {
            violated(relation): share for relation, share in shares.items() if not math.isnan(share)
        }
    return table
