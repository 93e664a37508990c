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

from kdray.config import RobertaStudent, Student, T5Student
from kdray.errors import ConfigError
from kdray.students.axes import axes_of, head_dim, lead
from kdray.students.cost import params

_LAYER = re.compile(r"^(?P<stack>.*?)(?P<word>layers|layer|block)\.(?P<number>\d+)\.")


def spread(kept: int, total: int) -> list[int]:
    """`kept` layer numbers out of `total`, evenly spaced, the first and (from two on) the last among them."""
    if kept == 1:
        return [0]
    return [round(i * (total - 1) / (kept - 1)) for i in range(kept)]


def layer_counts(student: Student) -> dict[str, int]:
    """Stack prefix in parameter names -> number of layers."""
    if isinstance(student, T5Student):
        return {"encoder.": student.encoder_layers, "decoder.": student.decoder_layers}
    return {"roberta.encoder." if isinstance(student, RobertaStudent) else "model.": student.layers}


def check_sliceable(teacher: Student, student: Student) -> None:
    """Raises `ConfigError` naming the field where `student` is no slice of `teacher`."""
    if teacher.family != student.family:
        raise ConfigError(
            f"student.init '{student.init}': "
            f"a {student.family} student cannot be cut from a {teacher.family} teacher"
        )
    exact = [
        "snippets",
        "position_type",
        *(["hidden", "heads", "feed_forward"] if student.init == "layers" else []),
    ]
    exact += ["head_dim"]
    for field in exact:
        have, want = getattr(teacher, field, None), getattr(student, field, None)
        if want != have:
            raise ConfigError(
                f"student.{field} {want} must equal the teacher's {have} for init '{student.init}'"
            )
    for field in (
        "layers",
        "encoder_layers",
        "decoder_layers",
        "hidden",
        "heads",
        "feed_forward",
        "positions",
    ):
        size, wanted = int(getattr(teacher, field, 0)), int(getattr(student, field, 0))
        if wanted > size:
            raise ConfigError(
                f"student.{field} {wanted} is larger than the teacher's {size}: "
                "use init 'random' or a smaller one"
            )
    if head_dim(student) > head_dim(teacher):
        raise ConfigError(
            f"student.heads {student.heads} of {student.hidden} are {head_dim(student)} wide, the teacher's"
            f" {head_dim(teacher)}: use init 'random' or more heads"
        )


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
    maps = {stack: spread(want[stack], have[stack]) for stack in want}
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
