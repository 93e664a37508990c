"""The four relations between a teacher and a student on one input, as functions on arrays.

The relations are those named by MetaCompress (arXiv 2511.05476). Their formulas and thresholds were not to be
had: all that is computed here is ours.

| relation | violated when | counted when |
|---|---|---|
| prediction_agreement | the predictions differ | always |
| distribution_similarity | JSD(teacher, student) in bits > similarity_bits | always |
| high_confidence_preservation | they differ, or p_S(teacher's prediction) < confidence | conf_T >= confidence |
| calibration_alignment | abs(conf_T - conf_S) > calibration | always |

A classifier's prediction is its most probable class. A generator's is its greedy output, white space
normalised; its similarity is the mean over positions of the JSD under teacher forcing on the teacher's
output, its confidence the geometric mean of the token probabilities.

Not covered: how many relations count (see `discrepancy`).

Shape suffixes: N inputs, C classes or buckets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.config import metric_names

RELATIONS = metric_names.RELATIONS

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Thresholds:
    """Where a difference begins to count (defaults are ours)."""

    similarity_bits: float = 0.1
    confidence: float = 0.9
    calibration: float = 0.1


@dataclass(frozen=True)
class Answers:
    """What teacher and student say about N inputs, as far as the relations ask.

    Attributes:
        agrees: bool [N], whether the predictions are equal.
        divergence: float64 [N], bits, in [0, 1].
        teacher_confidence: float64 [N], of the teacher in its own prediction.
        student_confidence: float64 [N], of the student in its own prediction.
        student_on_teacher: float64 [N], of the student in the teacher's prediction.
    """

    agrees: Bools
    divergence: Floats
    teacher_confidence: Floats
    student_confidence: Floats
    student_on_teacher: Floats

    def __len__(self) -> int:
        return len(self.agrees)

    def select(self, chosen: NDArray[Any]) -> Answers:
        """The inputs that a mask or an index array chooses."""
        return Answers(
            self.agrees[chosen],
            self.divergence[chosen],
            self.teacher_confidence[chosen],
            self.student_confidence[chosen],
            self.student_on_teacher[chosen],
        )


@dataclass(frozen=True)
class Violations:
    """One relation on N inputs.

    Attributes:
        violated: bool [N], False where not counted.
        counted: bool [N].
    """

    violated: Bools
    counted: Bools


def jsd_bits(p_NC: NDArray[Any], q_NC: NDArray[Any]) -> Floats:
    """Jensen-Shannon divergence of each pair of rows in bits, float64 [N] in [0, 1].

    Rows are distributions over the same classes or buckets. Source: J. Lin, IEEE Trans. Inf. Theory 37
    (1991), 145-151, doi:10.1109/18.61115.
    """
    p_NC, q_NC = np.asarray(p_NC, np.float64), np.asarray(q_NC, np.float64)
    middle_NC = (p_NC + q_NC) / 2
    return np.clip((_kl_bits(p_NC, middle_NC) + _kl_bits(q_NC, middle_NC)) / 2, 0.0, 1.0)


def _kl_bits(p_NC: Floats, q_NC: Floats) -> Floats:
    # The middle of 5e-324 and 0 rounds to 0: what is that small weighs nothing.
    ratio_NC = np.divide(p_NC, q_NC, out=np.ones_like(p_NC), where=(p_NC > 0) & (q_NC > 0))
    bits_N: Floats = (p_NC * np.log2(ratio_NC)).sum(-1)
    return bits_N


def classified(teacher_NC: NDArray[Any], student_NC: NDArray[Any]) -> Answers:
    """The answers of two classifiers.

    Args:
        teacher_NC: the teacher's class probabilities.
        student_NC: the student's, over the same classes.

    Raises:
        ValueError: where the shapes differ.
    """
    if teacher_NC.shape != student_NC.shape:
        raise ValueError(
            f"teacher {teacher_NC.shape} and student {student_NC.shape} must have the same shape"
        )
    teacher_NC, student_NC = np.asarray(teacher_NC, np.float64), np.asarray(student_NC, np.float64)
    said_N = teacher_NC.argmax(1)
    return Answers(
        agrees=said_N == student_NC.argmax(1),
        divergence=jsd_bits(teacher_NC, student_NC),
        teacher_confidence=teacher_NC.max(1),
        student_confidence=student_NC.max(1),
        student_on_teacher=student_NC[np.arange(len(said_N)), said_N],
    )


def violations(answers: Answers, thresholds: Thresholds) -> dict[str, Violations]:
    """Each relation on each input."""
    always = np.ones(len(answers), bool)
    confident = answers.teacher_confidence >= thresholds.confidence
    lost = ~answers.agrees | (answers.student_on_teacher < thresholds.confidence)
    gap = np.abs(answers.teacher_confidence - answers.student_confidence)
    return {
        "prediction_agreement": Violations(~answers.agrees, always),
        "distribution_similarity": Violations(answers.divergence > thresholds.similarity_bits, always),
        "high_confidence_preservation": Violations(lost & confident, confident),
        "calibration_alignment": Violations(gap > thresholds.calibration, always),
    }
