"""What classifiers are compared on: the same clean inputs, variants of them, and the items that are attacked.

Of each transformation so many variants, from the first cases (in a seeded order) that it applies to.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kdray.corpus.labelled_row import Labelled
from kdray.errors import DataError
from kdray.metamorphic.compare_models.plan import Plan
from kdray.metamorphic.transforms.base import Variant
from kdray.metamorphic.transforms.registry import transform_named, transforms_of


@dataclass(frozen=True)
class Material:
    """Inputs common to all comparisons of one data set.

    Attributes:
        cases: clean inputs.
        variants: (number of the case, transformation, code).
        items: the cases that are attacked.
    """

    cases: Sequence[Labelled]
    variants: Sequence[tuple[int, str, str]]
    items: Sequence[Labelled]

    @property
    def inputs(self) -> list[tuple[Labelled, str]]:
        """All clean inputs, then all variants."""
        clean = [(case, case.code) for case in self.cases]
        return clean + [(self.cases[number], code) for number, _, code in self.variants]


def material(data: Sequence[Labelled], plan: Plan) -> Material:
    """Cases and variants: a pure function of the data and the plan. Raises `DataError` where nothing applies."""
    order = list(data)
    random.Random(f"cases {plan.seed}").shuffle(order)  # noqa: S311 - reproducible, not secret
    cases = order[: plan.cases]
    made: Counter[str] = Counter()
    variants = []
    for number, case in enumerate(cases):
        named = [transform_named(case.language, name) for name in plan.transforms]
        for transform in named or transforms_of(case.language):
            if made[transform.name] == plan.variants:
                continue
            variant = transform(case.code, "", plan.seed * 1_000_003 + number)
            if isinstance(variant, Variant):
                made[transform.name] += 1
                variants.append((number, variant.transform, variant.context))
    if not variants:
        raise DataError(f"none of {len(cases)} cases has a variant")
    return Material(cases, variants, [_with_names(case, plan) for case in order[: plan.items]])


def _with_names(case: Labelled, plan: Plan) -> Labelled:
    if plan.propose is None or case.substitutes or not plan.attacks:
        return case
    return replace(case, substitutes=plan.propose(case.language, case.code))
