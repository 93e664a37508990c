"""Which students can be told apart, and which differences are sure.

Many pairs are looked at, so a difference is sure where it stands after Holm's correction over all pairs and
objectives of the table (Holm 1979), at 5 % for the table as a whole. Students that share a letter cannot be told
apart in any objective (the letters of Piepho 2004, doi:10.1198/1061860043515). Counted metrics such as the size
need no test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from string import ascii_lowercase
from typing import Any

from kdray.report.describe import ALPHA
from kdray.report.front import Front
from kdray.report.paired.casewise import MEASURED, Difference, casewise, difference
from kdray.results import TrialRecord

LEVEL = 0.05
MOST = 40  # students whose pairs are looked at
SHOWN = 12  # of the table, or its whole front


@dataclass(frozen=True)
class Pair:
    """Two students in a metric: the first less the second."""

    one: str
    other: str
    metric: str
    difference: Difference
    sure: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        found = self.difference
        return {
            "trial": self.one,
            "less": self.other,
            "metric": self.metric,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "p": found.p,
            "sure": self.sure,
        }


@dataclass(frozen=True)
class Ties:
    """All pairs of some students.

    Attributes:
        keys: the students that were compared, in the table's order.
        pairs: of all of them, in every measured objective.
        letters: student -> letters; two that share one cannot be told apart.
        control: the student without a teacher among them, None without one.
        test: whether the cases are those of the test suite.
    """

    keys: list[str]
    pairs: list[Pair]
    letters: dict[str, str] = field(default_factory=dict)
    control: str | None = None
    test: bool = False

    @property
    def sure(self) -> list[Pair]:
        """The differences that stand, the surest first."""
        return sorted((pair for pair in self.pairs if pair.sure), key=lambda pair: pair.difference.p)

    def between(self, one: str, other: str, metric: str) -> Pair | None:
        """The pair of two students, the first less the second, whichever way it was taken."""
        for pair in self.pairs:
            if pair.metric == metric and {pair.one, pair.other} == {one, other}:
                return pair if pair.one == one else _turned(pair)
        return None


def ties(front: Front, *, test: bool = False) -> Ties:
    """The students of a front's table compared with each other; on the test suite those that it has judged."""
    control = control_of(front)
    records = [r for r in _listed(front, control) if _known(r, front.objectives, test)]
    first = _cases(records[0], test) if records else None
    records = [record for record in records if _cases(record, test) == first]
    keys = [record.key for record in records]
    pairs = _pairs(records, front.objectives, test)
    alone = control.key if control and control.key in keys else None
    return Ties(keys, pairs, letters(keys, [{p.one, p.other} for p in pairs if p.sure]), alone, test)


def control_of(front: Front) -> TrialRecord | None:
    """The best candidate that heard nothing of the teacher; None without one."""
    ordered = (front.candidates[index] for index in front.order)
    return next((record for record in ordered if record.setting(ALPHA) == 0), None)


def _listed(front: Front, control: TrialRecord | None) -> list[TrialRecord]:
    """The rows of the table, and the control."""
    ordered = [front.candidates[index] for index in front.order]
    listed = ordered[: min(MOST, max(SHOWN, int(front.mask_P.sum())))]
    return listed if control is None or control in listed else [*listed, control]


def _known(record: TrialRecord, objectives: Mapping[str, str], test: bool) -> bool:
    measured = [name for name in objectives if name in MEASURED]
    return bool(measured) and all(casewise(record, name, test=test) for name in measured)


def _cases(record: TrialRecord, test: bool) -> str:
    return str((record.test if test else record.metrics)["outcomes"]["of"])


def _pairs(records: Sequence[TrialRecord], objectives: Mapping[str, str], test: bool) -> list[Pair]:
    found = []
    for metric in (name for name in objectives if name in MEASURED):
        known = [(record.key, casewise(record, metric, test=test)) for record in records]
        for (one, mine), (other, theirs) in combinations(known, 2):
            if mine is not None and theirs is not None:
                found.append((one, other, metric, difference(mine, theirs)))
    stands = holm([difference.p for *_, difference in found])
    return [Pair(*pair, sure) for pair, sure in zip(found, stands, strict=True)]


def holm(p: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Which of many hypotheses fall, at `level` for all of them together (Holm 1979)."""
    falls = [False] * len(p)
    for rank, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[index] > level / (len(p) - rank):
            break
        falls[index] = True
    return falls


def letters(keys: Sequence[str], apart: Sequence[set[str]]) -> dict[str, str]:
    """Letters such that two students share one just where they are not apart, the first for the first student."""
    groups = [set(keys)] if keys else []
    for pair in apart:
        split = [group - {key} for group in groups if pair <= group for key in pair]
        kept = [group for group in groups if not pair <= group]
        for group in split:
            if group and not any(group <= other for other in kept):
                kept = [other for other in kept if not other <= group] + [group]
        groups = kept
    ordered = sorted(groups, key=lambda group: [key not in group for key in keys])
    names = [*ascii_lowercase, *(a + b for a in ascii_lowercase for b in ascii_lowercase)]
    return {key: "".join(names[i] for i, group in enumerate(ordered) if key in group) for key in keys}


def _turned(pair: Pair) -> Pair:
    found = pair.difference
    turned = Difference(-found.value, -found.high, -found.low, found.p)
    return Pair(pair.other, pair.one, pair.metric, turned, pair.sure)
