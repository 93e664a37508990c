"""How much of two models' behaviour is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kdray.metamorphic.relations import Thresholds


@dataclass(frozen=True)
class Plan:
    """How much is looked at.

    Attributes:
        cases: clean inputs at most.
        variants: of each transformation at most.
        transforms: names, or none for all.
        attacks: names.
        items: inputs that are attacked, at most.
        budget: queries of an attack on one item.
        thresholds: of the relations.
        propose: (language, code) -> names for each identifier, where the data brings none (ALERT).
        seed: of cases, variants and attacks.
    """

    cases: int = 200
    variants: int = 40
    transforms: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    items: int = 40
    budget: int = 400
    thresholds: Thresholds = field(default_factory=Thresholds)
    seed: int = 0
    propose: Callable[[str, str], Mapping[str, Sequence[str]]] | None = None
