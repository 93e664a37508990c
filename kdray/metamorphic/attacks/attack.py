"""Runs an attack on one item, and says what it changed.

Attacks by name: the renaming ones (`mhm`, `wir_random`, `alert`, `beam`), `composition` (random transformations of
all kinds, one upon the other) and `style` (the same without renames).

Not covered: the models (a `Victim` is any function) and the sums over many items (see `measure`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kdray.errors import ConfigError, nearest
from kdray.metamorphic.attacks.identifiers import Identifiers, identifiers
from kdray.metamorphic.attacks.renaming import RENAMING, Scene
from kdray.metamorphic.attacks.victim import Ask, Query, Victim, by_class
from kdray.metamorphic.transforms.base import Variant
from kdray.metamorphic.transforms.registry import transforms_of
from kdray.metamorphic.transforms.words import WORDS

COMPOSING = {"composition": True, "style": False}
"""Attacks by composition, and whether they rename too."""
ATTACKS = (*RENAMING, *COMPOSING)
DEPTH = 6
"""Transformations upon one another before a composition begins anew."""


@dataclass(frozen=True)
class Item:
    """What is attacked.

    Attributes:
        code: the code that may change.
        label: the true class; of no account where the answer is a text.
        language: of the code.
        substitutes: names proposed for each identifier, where the data brings them.
    """

    code: str
    label: int
    language: str
    substitutes: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Attacked:
    """What came of it.

    Attributes:
        was_right: whether the victim was right on the clean code; nothing is attacked otherwise.
        num_identifiers: changeable names.
        flipped: whether the victim was brought to another answer.
        queries: distinct pieces of code asked, the clean one included.
        code: the code that did it, or the clean one.
        renamed: names changed in it.
    """

    was_right: bool
    num_identifiers: int
    flipped: bool
    queries: int
    code: str
    renamed: int


def attack(
    name: str,
    victim: Victim,
    item: Item,
    *,
    budget: int = 2000,
    seed: int = 0,
    pool: Sequence[str] = WORDS,
) -> Attacked:
    """Attacks one item.

    Args:
        name: one of `ATTACKS`.
        victim: class probabilities for pieces of code.
        item: the code and its label.
        budget: distinct pieces of code that may be asked.
        seed: of all chance.
        pool: names that renaming attacks draw from.

    Raises:
        ConfigError: for an attack that does not exist.
    """
    return attack_by(name, by_class(victim, item.label), item, budget=budget, seed=seed, pool=pool)


def attack_by(
    name: str, ask: Ask, item: Item, *, budget: int = 2000, seed: int = 0, pool: Sequence[str] = WORDS
) -> Attacked:
    """The same on any model that can be asked whether it is still right. Raises `ConfigError`."""
    if name not in ATTACKS:
        raise ConfigError(f"no attack '{name}'{nearest(name, ATTACKS)}")
    query = Query(ask, budget)
    clean = query([item.code])
    names = identifiers(item.language, item.code)
    count = len(names.places)
    if not len(clean) or clean.flipped[0]:
        return Attacked(False, count, False, query.count, item.code, 0)
    rng = random.Random(f"{name} {seed}")  # noqa: S311 - reproducible, not secret
    if name in COMPOSING:
        code, renamed = _compose(item, query, rng, renames=COMPOSING[name])
    else:
        code, renamed = _rename(name, names, item, query, rng, pool)
    return Attacked(True, count, code is not None, query.count, item.code if code is None else code, renamed)


def _rename(
    name: str, names: Identifiers, item: Item, query: Query, rng: random.Random, pool: Sequence[str]
) -> tuple[str | None, int]:
    if not names.places:
        return None, 0
    renames = RENAMING[name](Scene(names, query, rng, pool, item.substitutes))
    return (None, 0) if renames is None else (names.renamed(renames), len(renames))


def _compose(item: Item, query: Query, rng: random.Random, renames: bool) -> tuple[str | None, int]:
    """Random transformations, each upon the last, all steps of a chain asked at once; ours."""
    allowed = [t for t in transforms_of(item.language) if renames or not t.name.startswith("rename")]
    fruitless = 0
    while not query.is_spent and fruitless < 20:
        before = query.count
        code, renamed, chain = item.code, 0, []
        for _ in range(DEPTH):
            variant = rng.choice(allowed)(code, "", rng.randrange(2**31))
            if isinstance(variant, Variant):
                code, renamed = variant.context, renamed + len(variant.renames)
                chain.append((code, renamed))
        answer = query([step for step, _ in chain])
        if answer.flipped.any():
            return chain[int(answer.flipped.argmax())]
        fruitless = fruitless + 1 if query.count == before else 0
    return None, 0
