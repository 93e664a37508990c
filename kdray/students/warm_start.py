"""A student's first weights, cut out of its teacher.

`layers` keeps the width and takes evenly spaced layers; `sliced` also takes the leading part of every axis: hidden
dimensions, heads, feed-forward units. What leads is the teacher's own order or the order of importance, whichever
makes the better half (`importance`). With a teacher trained with `optim.slice_share` the leading parts were
trained to work alone (slimmable networks, arXiv 1812.08928; MatFormer, arXiv 2310.07707).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

from kdray.config import Student
from kdray.errors import ConfigError
from kdray.students.axes import axes_of, by_head, lead
from kdray.students.cost import params
from kdray.students.slices import evenly_spaced, layer_counts

_NUMBERED = re.compile(r"^(?P<stack>.*?\.)(?P<number>\d+)\.")
"""The first number in a parameter's name counts the layers of a stack."""
_TABLES = ("model.embed_tokens.weight", "shared.weight", "model.shared.weight")
_ANY = re.compile(r"\.\d+\.")
_LAYER = re.compile(r"^(?P<stack>.*?)(?P<word>layers|layer|block)\.(?P<number>\d+)\.")


def slices(
    teacher_state: Mapping[str, Tensor],
    teacher: Student,
    student: Student,
    shapes: Mapping[str, Any],
    *,
    whole_vocabulary: bool = False,
) -> Iterator[tuple[str, Tensor]]:
    """Names of a student's parameters, and the parts of the teacher's tensors for them, one after the other.

    Args:
        teacher_state: parameter name -> tensor; the result shares their memory where it can, gradients flow.
        teacher: the teacher's architecture.
        student: the student's, no larger in any dimension.
        shapes: the student's parameter name -> shape.
        whole_vocabulary: whether tables keep all of the teacher's rows: of a vocabulary of its own, the student's
            rows are made of them.
    """
    have, want = layer_counts(teacher), layer_counts(student)
    maps = {stack: evenly_spaced(want[stack], have[stack]) for stack in want}
    for name, shape in shapes.items():
        match = _LAYER.match(name)
        source = name
        if match:
            number = maps[match["stack"]][int(match["number"])]
            source = f"{match['stack']}{match['word']}.{number}.{name[match.end() :]}"
        source = _or_table(source, teacher_state)
        _, axes = axes_of(student.family, name)
        tensor = teacher_state[source]
        yield name, lead(tensor, axes, shape, teacher, student, whole_vocabulary=whole_vocabulary)


def cuts(
    teacher_state: Mapping[str, Tensor], model_type: str, shapes: Mapping[str, Any]
) -> Iterator[tuple[str, Tensor]]:
    """The same for a student of its teacher's own family, whatever that is: evenly spaced layers, and the leading
    part of every axis. Heads keep their width and groups, so their leading part is whole heads.

    Args:
        teacher_state: parameter name -> tensor.
        model_type: transformers' name of the family.
        shapes: the student's parameter name -> shape.

    Raises:
        ConfigError: a parameter that the teacher has not.
    """
    have, want = _counts(teacher_state), _counts(shapes)
    maps = {stack: evenly_spaced(want[stack], have[stack]) for stack in want if stack in have}
    for name, shape in shapes.items():
        source = _or_table(_source(name, maps), teacher_state)
        if source not in teacher_state:
            raise ConfigError(f"student: its {name} has no weights in the teacher: use init 'random'")
        tensor = teacher_state[source]
        for at, size in enumerate(shape):
            # GPT-2 keeps queries, keys and values side by side in one product, its outputs last.
            beside = 3 if model_type == "gpt2" and ".c_attn." in name and at == tensor.ndim - 1 else 1
            if name == "classifier.dense.weight" and at == 1:  # RoBERTa's snippets side by side
                beside = tensor.shape[1] // teacher_state[name].shape[0]
            if size != tensor.shape[at]:
                tensor = by_head(tensor, at, beside, tensor.shape[at] // beside).narrow(
                    at + 1, 0, size // beside
                )
                tensor = tensor.flatten(at, at + 1)
        yield name, tensor


def cut_state(
    teacher_state: Mapping[str, Tensor], model_type: str, shapes: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Parts of a teacher's tensors for a student of its own family (see `cuts`), all at once.

    Raises:
        ConfigError: a parameter that the teacher has not, or one of the teacher's that the student has not.
    """
    state = dict(cuts(teacher_state, model_type, shapes))
    check_taken(teacher_state, state)
    return state


def _counts(names: Iterable[str]) -> dict[str, int]:
    """Stack prefix in parameter names -> number of layers."""
    found: dict[str, int] = {}
    for name in names:
        if match := _NUMBERED.match(name):
            found[match["stack"]] = max(found.get(match["stack"], 0), int(match["number"]) + 1)
    return found


def _source(name: str, maps: Mapping[str, list[int]]) -> str:
    """The teacher's name for a student's parameter."""
    match = _NUMBERED.match(name)
    if match is None or match["stack"] not in maps:
        return name
    return f"{match['stack']}{maps[match['stack']][int(match['number'])]}.{name[match.end() :]}"


def _or_table(source: str, teacher_state: Mapping[str, Tensor]) -> str:
    """The name of the embedding for a head that a tied teacher has not."""
    if source != "lm_head.weight" or source in teacher_state:
        return source
    return next((name for name in _TABLES if name in teacher_state), source)


def check_taken(teacher_names: Iterable[str], names: Iterable[str]) -> None:
    """Raises `ConfigError` where a teacher has a kind of weight that its student has not."""
    theirs, ours = ({_ANY.sub(".*.", name) for name in kind} for kind in (teacher_names, names))
    if left := sorted(theirs - ours):
        raise ConfigError(f"student: a cut has no place for the teacher's {left[0]}: use init 'random'")


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
