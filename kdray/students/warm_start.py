"""A student's first weights, cut out of its teacher.

`layers` keeps the width and takes evenly spaced layers; `sliced` also takes the leading block of every
tensor: the first hidden dimensions, heads and feed-forward units. With a teacher trained with
`optim.slice_share` the leading blocks were trained to work alone (slimmable networks, arXiv 1812.08928;
MatFormer, arXiv 2310.07707); with another teacher the slice is only a better beginning than random weights.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from kdray.config import RobertaStudent, Student, T5Student
from kdray.errors import ConfigError
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
    exact = ["head_dim"] + (["hidden", "heads", "feed_forward"] if student.init == "layers" else [])
    exact += ["positions", "snippets"]
    for field, have in teacher.model_dump().items():
        want = getattr(student, field)
        if field in exact and want != have:
            raise ConfigError(
                f"student.{field} {want} must equal the teacher's {have} for init '{student.init}'"
            )
        if isinstance(have, int) and want > have:
            raise ConfigError(
                f"student.{field} {want} is larger than the teacher's {have}: "
                "use init 'random' or a smaller one"
            )


def slice_state(
    teacher_state: Mapping[str, Tensor], teacher: Student, student: Student, shapes: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Views of the teacher's tensors that fit the student.

    Args:
        teacher_state: parameter name -> tensor; the result shares their memory, gradients flow through.
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
        state[name] = teacher_state[source][tuple(slice(0, size) for size in shape)]
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
