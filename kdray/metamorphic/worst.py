"""The inputs on which a student parts from its teacher most, for a person to look at."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdray.metamorphic.relations import Answers, Thresholds, violations


@dataclass(frozen=True)
class WorstCase:
    """An input on which student and teacher part.

    Attributes:
        transform: transformation or attack.
        relations: those violated.
        source: the variant.
        diff: unified, from the clean input to the variant.
        other: the second snippet of a pair, or "".
        truth: the reference; a label in words, as `teacher` and `student`, which add their confidence.
        teacher: the teacher's output.
        student: the student's output.
        severity: bits of divergence, and 1 for each relation violated: what cases are ordered by (ours).
    """

    transform: str
    relations: tuple[str, ...]
    source: str
    diff: str
    other: str
    truth: str
    teacher: str
    student: str
    severity: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data as `kdray.results` describes it: `relation` is all that are violated."""
        return {
            "transform": self.transform,
            "relation": ", ".join(self.relations),
            "source": self.source,
            "diff": self.diff,
            "truth": self.truth,
            "teacher": self.teacher,
            "student": self.student,
            "severity": self.severity,
        }


def most_violating(
    answers: Answers, thresholds: Thresholds, most: int
) -> list[tuple[int, tuple[str, ...], float]]:
    """At most `most` inputs that violate relations: number, the relations, severity; the severest first."""
    by_relation = violations(answers, thresholds)
    severity_N = np.sum([v.violated for v in by_relation.values()], axis=0) + answers.divergence
    chosen = []
    for i in np.argsort(-severity_N, kind="stable")[:most].tolist():
        if broken := tuple(relation for relation, v in by_relation.items() if v.violated[i]):
            chosen.append((i, broken, float(severity_N[i])))
    return chosen


def source_diff(before: str, after: str) -> str:
    """A unified diff without file names, three lines of context."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="")
    return "\n".join(list(lines)[2:])
