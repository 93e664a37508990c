"""A student that can be cut out of a teacher, and what a search may vary in it, for a new sweep file.

Sizes are ours: about half of the teacher's in each dimension, less where its vocabulary makes that more than a
quarter of its parameters, as in the demo. Knows architectures, no weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kdray.config import FORM, Encoding, Student
from kdray.errors import DataError
from kdray.students.cost import params
from kdray.students.families import describe
from kdray.students.load import is_ours, load_config, saved_encoding, task_name

SHARES = (1 / 2, 3 / 8, 1 / 4, 1 / 8)
"""Of the teacher's sizes: the first that keeps `MOST` of its parameters."""
MOST = 0.25
SPREAD = (3 / 4, 1, 5 / 4)
"""Of the base student's width and feed-forward: the choices of the search."""
STEP = 8
"""Widths are multiples of it."""
LAYERS = ("encoder_layers", "decoder_layers", "layers")
ENCODINGS = {
    "llama": Encoding(),
    "t5": Encoding(max_input=448),
    "roberta": Encoding(max_input=400),
}
"""Limits for a teacher that does not say its own, as in the studies."""
RESERVED = 2
"""Positions of a RoBERTa that no token of a snippet takes."""


@dataclass(frozen=True)
class Fitting:
    """What fits a teacher.

    Attributes:
        task: what a model of this family does; of a classifier, by the snippets of its input.
        teacher: its architecture.
        student: one of at most `MOST` of its parameters.
        encoding: how much of an example both see.
        space: dotted path of the student -> choices or a range, as in a sweep file.
        vocab: rows of the teacher's embedding.
        cuttable: whether students, and a teacher that goes on from it, can begin with its weights.
    """

    task: str
    teacher: Student
    student: Student
    encoding: Encoding
    space: dict[str, Any]
    vocab: int
    cuttable: bool


def fit(teacher: str) -> Fitting:
    """What fits the teacher in a folder, at a URI, on a hub or in the package.

    Raises:
        DataError: it cannot be read, or is of a family that kdray does not know.
        ConfigError: no packaged teacher of that name.
    """
    config = load_config(teacher)
    try:
        architecture = describe(config)
    except DataError as error:
        raise DataError(f"{teacher}: {error}") from error
    vocab = int(config.vocab_size)
    # Heads that share keys and values are not cut (`students.axes`).
    cuttable = getattr(config, "num_key_value_heads", architecture.heads) == architecture.heads
    smaller = list(_smaller(architecture))
    small = (student for student in smaller if params(student, vocab) <= MOST * params(architecture, vocab))
    student = next(small, smaller[-1]).model_copy(update={"init": "sliced" if cuttable else "random"})
    encoding = ENCODINGS[architecture.family]
    if is_ours(teacher):  # its form is told again by its folder
        encoding = saved_encoding(teacher).model_copy(update=dict.fromkeys(FORM))
    if architecture.family == "roberta":
        encoding = encoding.model_copy(
            update={"max_input": min(encoding.max_input, architecture.positions - RESERVED)}
        )
    return Fitting(
        task_name(config), architecture, student, encoding, _space(architecture, student), vocab, cuttable
    )


def written(part: Student) -> dict[str, Any]:
    """An architecture as one would write it: without what is so anyway, but with where it begins."""
    said = part.model_dump(mode="json", exclude_defaults=True)
    first = ["family", *_layers(part)]
    rest = [name for name in said if name not in (*first, "init")]
    return {name: said[name] for name in (*first, *rest)} | {"init": part.init}


def _smaller(teacher: Student) -> Iterator[Student]:
    """Ever smaller students, all but the start in the teacher's manner."""
    for share in SHARES:
        # A classifier's heads are hidden / heads wide, and a slice's may not be wider than the teacher's.
        heads = teacher.heads if teacher.family == "roberta" else max(1, int(teacher.heads * share))
        sizes = {
            "heads": heads,
            "hidden": _down(teacher.hidden * share, _width_step(heads)),
            "feed_forward": _down(teacher.feed_forward * share, STEP),
            **{name: max(1, int(getattr(teacher, name) * share)) for name in _layers(teacher)},
        }
        yield teacher.model_copy(update=sizes)


def _space(teacher: Student, student: Student) -> dict[str, Any]:
    space: dict[str, Any] = {}
    for name in _layers(student):
        base = getattr(student, name)
        low, high = (base + 1) // 2, min(getattr(teacher, name), base + (base + 1) // 2)
        if low < high:
            space[f"student.{name}"] = {"range": [low, high]}
    steps = {"hidden": _width_step(student.heads), "feed_forward": STEP}
    for name, step in steps.items():
        sizes = {_down(getattr(student, name) * share, step) for share in SPREAD}
        space[f"student.{name}"] = sorted(size for size in sizes if size <= getattr(teacher, name))
    return space


def _layers(student: Student) -> list[str]:
    return [name for name in LAYERS if hasattr(student, name)]


def _width_step(heads: int) -> int:
    """Widths that any family can be built with: heads must divide them."""
    return math.lcm(heads, STEP)


def _down(size: float, step: int) -> int:
    """The greatest multiple of `step` up to `size`, one at least."""
    return max(step, int(size) // step * step)
