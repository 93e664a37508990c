"""A student's first weights, cut out of its teacher.

`layers` keeps the width and takes evenly spaced layers; `sliced` also takes the leading part of every axis: hidden
dimensions, heads, feed-forward units. What leads is the teacher's own order or the order of importance, whichever
makes the better half (`importance`). With a teacher trained with `optim.slice_share` the leading parts were
trained to work alone (slimmable networks, arXiv 1812.08928; MatFormer, arXiv 2310.07707).
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from kdray.config import Student
from kdray.students.axes import axes_of, lead
from kdray.students.cost import params
from kdray.students.slices import evenly_spaced, layer_counts

_LAYER = re.compile(r"^(?P<stack>.*?)(?P<word>layers|layer|block)\.(?P<number>\d+)\.")


def slice_state(
    teacher_state: Mapping[str, Tensor], teacher: Student, student: Student, shapes: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Parts of the teacher's tensors that fit the student; of a vocabulary of its own, the teacher's rows instead.

    Args:
        teacher_state: parameter name -> tensor; the result shares their memory where it can, gradients flow.
        teacher: the teacher's architecture.
        student: the student's, no larger in any dimension.
        shapes: the student's parameter name -> shape.
    """
    have, want = layer_counts(teacher), layer_counts(student)
    maps = {stack: evenly_spaced(want[stack], have[stack]) for stack in want}
    state = {}
    for name, shape in shapes.items():
        match = _LAYER.match(name)
        source = name
        if match:
            number = maps[match["stack"]][int(match["number"])]
            source = f"{match['stack']}{match['word']}.{number}.{name[match.end() :]}"
        if source == "lm_head.weight" and source not in teacher_state:  # untied from a tied teacher
            source = "model.embed_tokens.weight"
        _, axes = axes_of(student.family, name)
        state[name] = lead(teacher_state[source], axes, shape, teacher, student)
    return state


def random_slice(
    teacher: Student, vocab: int, rng: random.Random, smallest: float = 0.12, largest: float = 0.25
) -> Student:
    """A random slice of `teacher` with `smallest`..`largest` of its parameters (a student's size, the default
    of sweeps).
    """
    total = params(teacher, vocab)
    while True:
        hidden = rng.randrange(3 * teacher.hidden // 8, teacher.hidden + 1, 32)
        heads = [n for n in range(max(1, teacher.heads // 4), teacher.heads + 1) if hidden % n == 0]
        fields: dict[str, Any] = teacher.model_dump() | {
            "hidden": hidden,
            "heads": rng.choice(heads),
            "feed_forward": rng.randrange(teacher.feed_forward // 4, teacher.feed_forward + 1, 16),
            "init": "sliced",
        }
        for name in [field for field in fields if field.endswith("layers")]:
            fields[name] = rng.randint(1, fields[name])
        student: Student = type(teacher)(**fields)
        if smallest * total <= params(student, vocab) <= largest * total:
            return student
