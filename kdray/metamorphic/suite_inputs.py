"""The inputs of a suite: clean ones and variants of each, before the teacher has seen them.

Cases stand in a random order, so the first few are a fair sample. Transformations are dealt out evenly: of those
that apply, a case gets the one used least so far. A variant that looks to the model as its original does (the
change fell off the front of the prompt) is none.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdray.corpus.example import Example
from kdray.errors import DataError
from kdray.metamorphic.transforms.base import Transform, Variant
from kdray.metamorphic.transforms.registry import transform_named, transforms_of
from kdray.tasks import Task

IDENTITY = "identity"
Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Input:
    """One row of a suite before the teacher has seen it.

    Attributes:
        case: id of the clean example.
        transform: `identity` for that example itself.
        example: the input; its target is the reference, renamed along.
        renames: (old, new) pairs.
        prompt: int32 [T].
    """

    case: str
    transform: str
    example: Example
    renames: tuple[tuple[str, str], ...]
    prompt: Ids


def suite_inputs(
    task: Task,
    examples: Sequence[Example],
    *,
    seed: int,
    transforms: Sequence[str] | None = None,
    variants: int = 1,
) -> list[Input]:
    """The rows of a suite: a pure function of the examples and the arguments (see `build_suite`)."""
    order = list(examples)
    random.Random(f"suite {seed}").shuffle(order)  # noqa: S311 - reproducible, not secret
    used: Counter[str] = Counter()
    inputs: list[Input] = []
    for number, example in enumerate(order):
        clean = Input(example.id, IDENTITY, example, (), task.prompt(example))
        inputs.append(clean)
        variants_of_it = _variants(
            task, clean, _allowed(example.language, transforms), used, seed * 1_000_003 + number, variants
        )
        used.update(item.transform for item in variants_of_it)
        inputs += variants_of_it
    if not used:
        raise DataError(f"suite: none of {len(order)} examples has a variant")
    return inputs


def _allowed(language: str, names: Sequence[str] | None) -> list[Transform]:
    if names is None:
        return list(transforms_of(language))
    return [transform_named(language, name) for name in names]


def _variants(
    task: Task, clean: Input, allowed: list[Transform], used: Counter[str], seed: int, count: int
) -> list[Input]:
    """Variants of one case, by different transformations, those used least first."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    tries = sorted(allowed, key=lambda transform: (used[transform.name], rng.random()))
    made: list[Input] = []
    for transform in tries:
        if len(made) == count:
            break
        variant = transform(*task.source(clean.example), seed)
        if not isinstance(variant, Variant):
            continue
        changed = task.changed(clean.example, variant.context, variant.target)
        prompt = task.prompt(changed)
        if not np.array_equal(prompt, clean.prompt):
            made.append(Input(clean.case, variant.transform, changed, variant.renames, prompt))
    return made
