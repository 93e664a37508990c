"""Attacks that rename: MHM, WIR-Random, ALERT, beam.

Each keeps a mapping from old names to new ones and asks for all candidates of a move in one batch. They follow the
published algorithms as far as those are told; where a detail was not to be had it is ours, and says so.

Not covered: insertion of dead code by MHM's other variants.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kdray.metamorphic.attacks.identifiers import Identifiers
from kdray.metamorphic.attacks.victim import Query
from kdray.metamorphic.transforms.words import WORDS

Renames = dict[str, str]
MASK = "<unk>"


@dataclass(frozen=True)
class Scene:
    """What a renaming attack works with.

    Attributes:
        names: the changeable names of the item.
        query: asks the victim.
        rng: all chance.
        pool: names to draw from at random.
        substitutes: names proposed for each identifier (ALERT), maybe none.
    """

    names: Identifiers
    query: Query
    rng: random.Random
    pool: Sequence[str] = WORDS
    substitutes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def draw(self, count: int, taken: Mapping[str, str]) -> list[str]:
        """Random free names that no other identifier has got."""
        free = [name for name in self.names.free(self.pool) if name not in taken.values()]
        return self.rng.sample(free, min(count, len(free)))

    def proposed(self, name: str, taken: Mapping[str, str]) -> list[str]:
        """The free substitutes of one identifier."""
        return [new for new in self.names.free(self.substitutes.get(name, ())) if new not in taken.values()]


def _best(scene: Scene, base: Renames, name: str, news: Sequence[str]) -> tuple[Renames, float, bool] | None:
    """The move of one identifier that leaves the least probability to the truth; the first that flips, if any."""
    moves = [base | {name: new} for new in news]
    answer = scene.query([scene.names.renamed(move) for move in moves])
    if not len(answer):
        return None
    at = int(answer.flipped.argmax()) if answer.flipped.any() else int(answer.truth.argmin())
    return moves[at], float(answer.truth[at]), bool(answer.flipped[at])


def importance(scene: Scene) -> list[str]:
    """Identifiers by how much probability the truth loses when they are masked everywhere, the most first."""
    names = list(scene.names.places)
    answer = scene.query([scene.names.renamed({name: MASK}) for name in names])
    order = np.argsort(answer.truth, kind="stable")
    # What the budget did not reach comes last, as it stands.
    return [names[i] for i in order] + names[len(answer) :]


def mhm(scene: Scene, iterations: int = 100, candidates: int = 30, threshold: float = 0.95) -> Renames | None:
    """Metropolis-Hastings renaming (Zhang et al., AAAI 2020).

    Each round renames a random identifier to the worst of `candidates` random names. The move is accepted with
    probability min(1, r), r = (1 - p(truth | new)) / (1 - p(truth | old)), and never where r < `threshold`.
    """
    base: Renames = {}
    truth = float(scene.query([scene.names.code]).truth[0])
    names = list(scene.names.places)
    for _ in range(iterations):
        name = scene.rng.choice(names)
        best = _best(scene, base, name, scene.draw(candidates, base))
        if best is None or scene.query.is_spent:
            return best[0] if best is not None and best[2] else None
        move, after, flipped = best
        if flipped:
            return move
        ratio = (1 - after + 1e-10) / (1 - truth + 1e-10)
        if ratio >= threshold and scene.rng.random() <= ratio:
            base, truth = move, after
    return None


def _greedy(scene: Scene, propose: Callable[[str, Renames], list[str]]) -> tuple[Renames, bool]:
    """Identifier by identifier, the most important first; a rename stays where it hurts."""
    base: Renames = {}
    truth = float(scene.query([scene.names.code]).truth[0])
    for name in importance(scene):
        best = _best(scene, base, name, propose(name, base))
        if best is None:
            continue
        if best[2]:
            return best[0], True
        if best[1] < truth:
            base, truth = best[0], best[1]
    return base, False


def wir_random(scene: Scene, candidates: int = 30) -> Renames | None:
    """Identifiers ranked by importance, `candidates` random names for each, greedy (Zeng et al., ISSTA 2022)."""
    renames, flipped = _greedy(scene, lambda name, taken: scene.draw(candidates, taken))
    return renames if flipped else None


def alert(
    scene: Scene, generations: int = 100, population: int = 30, crossover: float = 0.7
) -> Renames | None:
    """Natural substitutes, greedily by importance, then by a genetic search (Yang et al., ICSE 2022).

    Substitutes come with the scene. The genetic search starts from one rename per identifier and the greedy
    result; sizes and the mutation (one identifier, one substitute) are ours.
    """
    renames, flipped = _greedy(scene, scene.proposed)
    if flipped:
        return renames
    options = {name: news for name in scene.names.places if (news := scene.proposed(name, {}))}
    if not options:
        return None
    people = [renames, *({name: scene.rng.choice(news)} for name, news in options.items())][:population]
    for _ in range(generations):
        answer = scene.query([scene.names.renamed(person) for person in people])
        if answer.flipped.any():
            return people[int(answer.flipped.argmax())]
        if scene.query.is_spent or not len(answer):
            return None
        order = np.argsort(answer.truth, kind="stable")[: max(2, population // 2)]
        parents = [people[i] for i in order]
        children = [_child(scene, parents, options, crossover) for _ in range(population - len(parents))]
        people = parents + children
    return None


def _child(
    scene: Scene, parents: list[Renames], options: Mapping[str, list[str]], crossover: float
) -> Renames:
    """Two parents' renames, cut at one point, or one parent's with another substitute somewhere."""
    if scene.rng.random() < crossover and len(parents) > 1:
        a, b = scene.rng.sample(parents, 2)
        names = list(options)
        cut = scene.rng.randrange(len(names) + 1)
        child = {n: a[n] for n in names[:cut] if n in a} | {n: b[n] for n in names[cut:] if n in b}
    else:
        name = scene.rng.choice(list(options))
        child = scene.rng.choice(parents) | {name: scene.rng.choice(options[name])}
    # Two identifiers must not become one.
    return _distinct(child)


def _distinct(renames: Renames) -> Renames:
    kept: Renames = {}
    for old, new in renames.items():
        if new not in kept.values():
            kept[old] = new
    return kept


def beam(scene: Scene, width: int = 3, candidates: int = 10) -> Renames | None:
    """Beam search over renames: the `width` worst mappings are extended by the next identifier.

    After BeamAttack, which visits identifiers grouped by the kind of statement that they stand in; here they are
    visited by importance (ours). Names are the substitutes where there are any, else random.
    """
    beams: list[tuple[float, Renames]] = [(float(scene.query([scene.names.code]).truth[0]), {})]
    for name in importance(scene):
        moves = [
            base | {name: new}
            for _, base in beams
            for new in (scene.proposed(name, base) or scene.draw(candidates, base))[:candidates]
        ]
        answer = scene.query([scene.names.renamed(move) for move in moves])
        if answer.flipped.any():
            return moves[int(answer.flipped.argmax())]
        extended = [(float(truth), move) for truth, move in zip(answer.truth, moves, strict=False)]
        beams = sorted([*beams, *extended], key=lambda pair: pair[0])[:width]
        if scene.query.is_spent:
            break
    return None


RENAMING: dict[str, Callable[[Scene], Renames | None]] = {
    "mhm": mhm,
    "wir_random": wir_random,
    "alert": alert,
    "beam": beam,
}
