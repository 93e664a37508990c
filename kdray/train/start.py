"""A student's first weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from kdray.config import CheckpointStudent, Student, TeacherStudent, Trial
from kdray.errors import ConfigError
from kdray.students.axes import VOCAB, Order, Reordered, axes_of
from kdray.students.checkpoint import checkpoint_model
from kdray.students.cuts import check_cut
from kdray.students.families import build, describe, shape_of
from kdray.students.kept_weights import own_weights, teacher_weights
from kdray.students.vocabulary import carried_over, spelled
from kdray.students.warm_start import check_taken, cuts, slices
from kdray.train.trial_data import TrialData


def new_student(trial: Trial, data: TrialData) -> Any:
    """The student at step 0: random, cut out of the teacher as `student.init` says, or a checkpoint.

    Raises:
        KdrayError: its configuration, or the weights that it begins with, cannot be had.
    """
    student = trial.student
    if isinstance(student, CheckpointStudent):
        return checkpoint_model(student.checkpoint, trial.task, data.vocab)
    task = data.task
    from kdray.students.load import load_config

    ids = {"pad_id": task.pad_id, "end_id": task.end_id, "start_id": task.start_id}
    if student.init == "random" and not isinstance(student, TeacherStudent):
        return build(student, data.vocab, **ids)
    if data.teacher is None:
        raise ConfigError(
            f"student.init '{student.init}' needs a teacher's weights beside the shards: use init 'random'"
        )
    config = load_config(data.teacher)
    check_cut(shape_of(config), student, config)
    model = build(student, data.vocab, like=config, **ids)
    if student.init == "random":
        return model
    weights: Mapping[str, Tensor] = teacher_weights(data.teacher, data.fingerprint)
    own, apart = own_weights(model), data.task is not data.teacher_task
    shapes = {name: tensor.shape for name, tensor in own.items()}
    check_taken(weights, own)
    if isinstance(student, TeacherStudent):
        parts = cuts(weights, config.model_type, shapes)
    else:
        shape = describe(config)
        if student.init == "sliced":
            weights = Reordered(weights, _order(trial, data), shape)
        parts = slices(weights, shape, student, shapes, whole_vocabulary=apart)
        if apart:
            parts = _with_own_vocabulary(parts, own, student, data)
    _take(own, parts)
    return model


def _take(own: Mapping[str, Tensor], parts: Iterable[tuple[str, Tensor]]) -> None:
    """Gives a student its weights, and what a teacher keeps beside them (BART's bias, an expert's), one after the
    other: of its teacher's no more than one is held.
    """
    left = dict(own)
    with torch.no_grad():
        for name, tensor in parts:
            left.pop(name).copy_(tensor)
    assert not left  # noqa: S101 - a cut is of the model's own


def _order(trial: Trial, data: TrialData) -> Order:
    """The teacher's order from beside the shards; measured, and kept there, where there is none yet."""
    from kdray.students.kept_order import keep_order, kept_order, sample
    from kdray.students.load import load_model

    assert trial.shards is not None and data.shards is not None and data.teacher  # noqa: S101 - a teacher has shards
    if (order := kept_order(trial.shards)) is not None:
        return order
    rows, _ = data.shards.take(sample(len(data.shards)))
    teacher = load_model(data.teacher, data.shards.manifest.header.dtype)  # as it is captured
    return keep_order(teacher, rows, data.teacher_task.pad_id, [trial.shards])


def _with_own_vocabulary(
    parts: Iterable[tuple[str, Tensor]], own: Mapping[str, Tensor], student: Student, data: TrialData
) -> Iterator[tuple[str, Tensor]]:
    """The same with the teacher's rows carried over to the student's vocabulary."""
    spelling = spelled(data.task.tokenizer, data.teacher_task.tokenizer)
    for name, part in parts:
        is_table = VOCAB in axes_of(student.family, name)[1]
        yield name, carried_over(part, own[name], spelling) if is_table else part
