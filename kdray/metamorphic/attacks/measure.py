"""Attacks on many items in figures: success rate, queries, changes, and the drop of a metric.

ASR, AMQ, ICR and TCR are the usual ones; the drop and "x % greater" are those of MetaCompress (arXiv 2511.05476).

Shape suffixes: none, all plain numbers.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from kdray.evaluation.intervals import wilson
from kdray.metamorphic.attacks.attack import Attacked, Item
from kdray.metamorphic.attacks.identifiers import TOKEN


@dataclass(frozen=True)
class Damage:
    """What an attack did to one model on many items; means are over successes, nan where there is none.

    Attributes:
        items: all.
        attacked: those that the model had right and that have a changeable name.
        flipped: of these.
        clean_accuracy: share of all items that the model has right.
        attacked_accuracy: the same after the attack.
        queries: mean queries of a success (AMQ).
        identifiers_changed: mean share of identifiers renamed in a success (ICR).
        tokens_changed: mean share of tokens that differ in a success (TCR).
    """

    items: int
    attacked: int
    flipped: int
    clean_accuracy: float
    attacked_accuracy: float
    queries: float
    identifiers_changed: float
    tokens_changed: float

    @property
    def success_rate(self) -> float:
        """ASR: flipped / attacked; nan where nothing was attacked."""
        return self.flipped / self.attacked if self.attacked else float("nan")

    @property
    def success_interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the success rate."""
        return wilson(self.flipped, self.attacked)

    @property
    def drop(self) -> float:
        """(clean - attacked) / clean; nan where the model has nothing right."""
        if not self.clean_accuracy:
            return float("nan")
        return (self.clean_accuracy - self.attacked_accuracy) / self.clean_accuracy


def damage(items: Sequence[Item], results: Sequence[Attacked]) -> Damage:
    """Sums results up, one an item."""
    right = [result.was_right for result in results]
    fallen = [(i, r) for i, r in zip(items, results, strict=True) if r.flipped]
    return Damage(
        items=len(items),
        attacked=sum(result.was_right and result.num_identifiers > 0 for result in results),
        flipped=sum(result.flipped and result.num_identifiers > 0 for result in results),
        clean_accuracy=_mean([float(was_right) for was_right in right]),
        attacked_accuracy=_mean([float(r.was_right and not r.flipped) for r in results]),
        queries=_mean([float(r.queries) for _, r in fallen]),
        identifiers_changed=_mean([r.renamed / r.num_identifiers for _, r in fallen if r.num_identifiers]),
        tokens_changed=_mean([tokens_changed(i.code, r.code) for i, r in fallen]),
    )


def greater_drop(student: Damage, teacher: Damage) -> float:
    """By how much the student's drop is greater than the teacher's, as a share of the teacher's: 2.85 is "285 %".

    nan where the teacher does not drop at all.
    """
    return (student.drop - teacher.drop) / teacher.drop if teacher.drop else float("nan")


def tokens_changed(before: str, after: str) -> float:
    """Share of the tokens of `before` that `after` does not keep in their order, in [0, 1]."""
    old, new = TOKEN.findall(before), TOKEN.findall(after)
    if not old:
        return 0.0
    kept = sum(
        block.size for block in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_matching_blocks()
    )
    return 1 - kept / len(old)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
