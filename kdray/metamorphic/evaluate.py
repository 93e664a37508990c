"""A student's marks on a suite: how often it is right, and how deeply it mimics its teacher.

One pass reads every prompt with the teacher's output behind it: that gives the student's distributions under
teacher forcing, and as far as the student would have written the same, its own greedy output too. Only where
it goes its own way are tokens decoded one by one.

Not covered: the teacher, which is not here; its word is in the suite.

Shape suffixes: N rows, P target positions, K kept tokens, V vocabulary.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdray.config import EvaluationConfig
from kdray.errors import DataError
from kdray.evaluation.classify import binary_marks
from kdray.evaluation.compare import ece, matches
from kdray.evaluation.generate import greedy
from kdray.evaluation.lenient import is_java, lenient_mean
from kdray.metamorphic.discrepancy import (
    Rate,
    discrepancy,
    discrepancy_interval,
    flips,
    rates,
    violating_share,
)
from kdray.metamorphic.mimicry import source_diff
from kdray.metamorphic.relations import Answers, Thresholds, jsd_bits, violations
from kdray.metamorphic.suite import IDENTITY, Suite, class_logits
from kdray.tasks import AnyTask
from kdray.tasks.assertion import AssertionTask
from kdray.tasks.classification import ClassificationTask
from kdray.teacher.signal import TeacherSignal

BOOTSTRAP_SEED = 0
MOST_WORST = 20
"""Worst cases that are kept."""


@dataclass(frozen=True)
class Evaluation:
    """A student's marks.

    Attributes:
        metrics: `assertion_accuracy` (strict, clean inputs, against the ground truth), for a classifier
            `accuracy` instead, with `precision`, `recall` and `f1` of class 1,
            `metamorphic_discrepancy`, `violating_share`, one rate per relation (variants) and `clean_` +
            relation (clean inputs), `agreement` (greedy output equal to the teacher's on clean inputs),
            `variant_accuracy`, `flips` and `teacher_flips`, `confidence`, `ece`, `teacher_ece`,
            `calibration_gap` (on variants), `teacher_accuracy`. A relation that counted nothing is left out.
            Of Java also `lenient_accuracy`, `teacher_lenient_accuracy` and `lenient_agreement` (clean inputs).
        intervals: 95 %: Wilson for shares, bootstrap over cases for the discrepancy.
        counts: `cases`, `variants`, and the number counted for each relation.
        relations: rates per transformation, each relation's.
        worst: the worst cases, as `kdray.results` describes them.
    """

    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    counts: dict[str, int]
    relations: dict[str, dict[str, float]] = field(default_factory=dict)
    worst: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain data: the metrics, and `intervals`, `counts`, `relations` beside them."""
        intervals = {name: list(ends) for name, ends in self.intervals.items()}
        return {**self.metrics, "intervals": intervals, "counts": self.counts, "relations": self.relations}


def evaluate(
    model: Any, task: AnyTask, suite: Suite, config: EvaluationConfig, *, cases: int | None = None
) -> Evaluation:
    """Judges a student on the first cases of a suite.

    Args:
        model: the student.
        task: encodes and decodes; its tokenizer must be the suite's.
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
    found = _marks(suite, clean_N, answers, texts, thresholds)
    worst = worst_cases(suite, task, np.flatnonzero(~clean_N), answers, texts, thresholds)
    metrics = dict(found.metrics)
    if isinstance(task, ClassificationTask):
        clean = np.flatnonzero(clean_N)
        said, truth = ([int(source[row]) for row in clean] for source in (texts, suite.references))
        metrics["accuracy"] = metrics.pop("assertion_accuracy")
        found.intervals["accuracy"] = found.intervals.pop("assertion_accuracy")
        metrics |= binary_marks(np.array(said), np.array(truth))
    return replace(found, metrics=metrics, worst=worst)


def worst_cases(
    suite: Suite,
    task: AnyTask,
    variants: NDArray[Any],
    answers: Answers,
    texts: Sequence[str],
    thresholds: Thresholds,
) -> list[dict[str, Any]]:
    """At most `MOST_WORST` variants that violate most relations, the most divergent first among equals.

    Each has `transform`, `relation` (all that it violates), `source` (as the student read it), `diff`, `truth`,
    `teacher`, `student` and `severity` (relations violated, and bits of divergence; ours).
    """
    chosen = answers.select(variants)
    found = violations(chosen, thresholds)
    severity_N = np.sum([v.violated for v in found.values()], axis=0) + chosen.divergence
    order = np.argsort(-severity_N, kind="stable")[:MOST_WORST]
    order = order[[any(v.violated[i] for v in found.values()) for i in order]]
    rows = [int(variants[i]) for i in order]
    sources = _sources(suite, task, rows)
    clean = _sources(suite, task, [suite.clean_row[row] for row in rows])
    cases = []
    for i, row, source, before in zip(order.tolist(), rows, sources, clean, strict=True):
        cases.append(
            {
                "transform": suite.transforms[row],
                "relation": ", ".join(name for name, v in found.items() if v.violated[i]),
                "source": source,
                "diff": source_diff(before, source),
                "truth": suite.references[row],
                "teacher": suite.teacher_texts[row],
                "student": texts[row],
                "severity": round(float(severity_N[i]), 4),
            }
        )
    return cases


def _sources(suite: Suite, task: AnyTask, rows: Sequence[int]) -> list[str]:
    if not rows:
        return []
    prompts, _, _ = suite.read(rows)
    return [task.text(prompt) for prompt in prompts]


def answer(
    model: Any, task: AnyTask, suite: Suite, numbers: Sequence[int], batch_size: int
) -> tuple[Answers, list[str]]:
    """What a student says to some rows, beside what the teacher said; and its texts."""
    if isinstance(task, ClassificationTask):
        return _classify(model, task, suite, numbers, batch_size)
    return _write(model, task, suite, numbers, batch_size)


def _classify(
    model: Any, task: ClassificationTask, suite: Suite, numbers: Sequence[int], batch_size: int
) -> tuple[Answers, list[str]]:
    prompts, drafts, signal = suite.read(numbers)
    rows = [task.answer(prompt, int(draft[0])) for prompt, draft in zip(prompts, drafts, strict=True)]
    logits_NC = torch.from_numpy(np.concatenate(class_logits(model, task, rows, batch_size)))
    divergence_N, logprob_N = _compare(signal, np.arange(len(rows)), np.concatenate(drafts), logits_NC)
    probabilities_NC = logits_NC.double().softmax(1).numpy()
    texts = [str(label) for label in probabilities_NC.argmax(1)]
    answers = Answers(
        agrees=matches(texts, [suite.teacher_texts[number] for number in numbers]),
        divergence=divergence_N,
        teacher_confidence=suite.teacher_confidence[list(numbers)],
        student_confidence=probabilities_NC.max(1),
        student_on_teacher=np.exp(logprob_N),
    )
    return answers, texts


def _write(
    model: Any, task: AssertionTask, suite: Suite, numbers: Sequence[int], batch_size: int
) -> tuple[Answers, list[str]]:
    prompts, drafts, signal = suite.read(numbers)
    ends = np.cumsum([len(draft) for draft in drafts])
    divergence_N, logprob_N = np.zeros(len(drafts)), np.zeros(len(drafts))

    def compare(rows: list[int], logits_PV: Tensor) -> None:
        positions = np.concatenate([np.arange(ends[row] - len(drafts[row]), ends[row]) for row in rows])
        labels = np.concatenate([drafts[row] for row in rows])
        jsd_P, logprob_P = _compare(signal, positions, labels, logits_PV)
        at = 0
        for row in rows:
            end = at + len(drafts[row])
            divergence_N[row], logprob_N[row] = jsd_P[at:end].mean(), logprob_P[at:end].mean()
            at = end

    outputs = greedy(
        model,
        prompts,
        end_id=task.end_id,
        pad_id=task.pad_id,
        max_new_tokens=task.max_target,
        batch_size=batch_size,
        drafts=drafts,
        on_draft=compare,
    )
    texts = [task.decode(output.ids) for output in outputs]
    said = [suite.teacher_texts[number] for number in numbers]
    answers = Answers(
        agrees=matches(texts, said),
        divergence=divergence_N,
        teacher_confidence=suite.teacher_confidence[list(numbers)],
        student_confidence=np.array([output.confidence for output in outputs], np.float64),
        student_on_teacher=np.exp(logprob_N),
    )
    return answers, texts


def _compare(
    signal: TeacherSignal, positions_P: NDArray[Any], labels_P: NDArray[Any], logits_PV: Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """JSD in bits over the head and tail of the teacher, and the log-probability of the labels; [P] each."""
    ids_PK, logprobs_PK = signal.ids_NK[positions_P], signal.logprobs_NK[positions_P]
    student_PV = logits_PV.float().log_softmax(1)
    device = logits_PV.device
    on_head_PK = student_PV.gather(1, torch.from_numpy(ids_PK).to(device)).double().exp().cpu().numpy()
    on_label_P = student_PV.gather(1, torch.from_numpy(labels_P.astype(np.int64)).to(device)[:, None])[:, 0]
    teacher_PK = np.exp(logprobs_PK.astype(np.float64))
    on_head_PK = np.where(np.isneginf(logprobs_PK), 0.0, on_head_PK)
    tail_P = np.exp(signal.tail_N[positions_P].astype(np.float64))
    teacher_PC = np.concatenate([teacher_PK, tail_P[:, None]], 1)
    student_PC = np.concatenate([on_head_PK, np.clip(1 - on_head_PK.sum(1, keepdims=True), 0, 1)], 1)
    # What is stored is rounded: both are made to sum to one.
    jsd_P = jsd_bits(
        teacher_PC / teacher_PC.sum(1, keepdims=True), student_PC / student_PC.sum(1, keepdims=True)
    )
    return jsd_P, on_label_P.double().cpu().numpy()


def _marks(
    suite: Suite, clean_N: NDArray[np.bool_], answers: Answers, texts: list[str], thresholds: Thresholds
) -> Evaluation:
    variants = np.flatnonzero(~clean_N)
    on_variants, on_clean = answers.select(~clean_N), answers.select(clean_N)
    found = violations(on_variants, thresholds)
    rows = range(len(clean_N))
    right_N = matches(texts, suite.references[: len(texts)])
    teacher_right_N = matches(suite.teacher_texts[: len(texts)], suite.references[: len(texts)])
    shares: dict[str, Rate] = {
        "assertion_accuracy": _share(right_N[clean_N]),
        "variant_accuracy": _share(right_N[~clean_N]),
        "teacher_accuracy": _share(teacher_right_N[clean_N]),
        "agreement": _share(on_clean.agrees),
        "violating_share": violating_share(found),
        "flips": text_flips(suite, variants, texts),
        "teacher_flips": text_flips(suite, variants, [suite.teacher_texts[row] for row in rows]),
        **rates(found),
        **{f"clean_{name}": rate for name, rate in rates(violations(on_clean, thresholds)).items()},
    }
    student_ece = ece(on_variants.student_confidence, right_N[~clean_N])
    teacher_ece = ece(on_variants.teacher_confidence, teacher_right_N[~clean_N])
    metrics = {
        "metamorphic_discrepancy": discrepancy(found),
        **{name: rate.share for name, rate in shares.items() if rate.total},
        "confidence": float(on_variants.student_confidence.mean()),
        "ece": student_ece,
        "teacher_ece": teacher_ece,
        "calibration_gap": abs(student_ece - teacher_ece),
    }
    case_N = np.array([suite.cases[row] for row in variants])
    intervals = {
        "metamorphic_discrepancy": discrepancy_interval(found, case_N, BOOTSTRAP_SEED),
        **{name: rate.interval for name, rate in shares.items() if rate.total},
    }
    for name, (mean, interval) in _lenient(suite, np.flatnonzero(clean_N), texts).items():
        metrics[name], intervals[name] = mean, interval
    counts = {"cases": int(clean_N.sum()), "variants": len(variants)}
    counts |= {name: rate.total for name, rate in rates(found).items()}
    by_transform = _by_transform(suite, variants, on_variants, thresholds)
    return Evaluation(metrics, intervals, counts, by_transform)


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
        found = violations(on_variants.select(names == name), thresholds)
        shares = {relation: rate.share for relation, rate in rates(found).items()}
        table[name] = {"variants": int((names == name).sum())}
        table[name] |= {relation: share for relation, share in shares.items() if not math.isnan(share)}
    return table
