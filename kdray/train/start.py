"""A student's first weights."""

from __future__ import annotations

from typing import Any

from kdray.config import CheckpointStudent, Student, TeacherStudent, Trial
from kdray.errors import ConfigError, DataError
from kdray.students.axes import VOCAB, Order, axes_of, reorder
from kdray.students.checkpoint import checkpoint_model
from kdray.students.cuts import check_cut
from kdray.students.families import build, describe, shape_of
from kdray.students.vocabulary import carried_over, spelled
from kdray.students.warm_start import check_taken, cut_state, slice_state
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
    from kdray.students.load import load_config, load_model, weights_fingerprint

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
    whole = load_model(data.teacher)
    if data.fingerprint not in (None, weights_fingerprint(whole)):
        raise DataError(f"{data.teacher}: not the weights that the shards were captured from")
    weights = dict(whole.named_parameters())
    if isinstance(student, TeacherStudent):
        shapes = {name: tensor.shape for name, tensor in model.named_parameters()}
        _take(model, whole, cut_state(weights, config.model_type, shapes))
        return model
    teacher = describe(config)
    if student.init == "sliced":
        weights = reorder(weights, _order(trial, data, whole), teacher)
    own = dict(model.named_parameters())
    shapes, apart = {name: tensor.shape for name, tensor in own.items()}, data.task is not data.teacher_task
    state = slice_state(weights, teacher, student, shapes, whole_vocabulary=apart)
    check_taken(weights, state)
    if apart:
        state = _with_own_vocabulary(state, own, student, data)
    _take(model, whole, state)
    return model


def _take(model: Any, teacher: Any, state: dict[str, Any]) -> None:
    """Gives a student its weights, each of them, and what a teacher keeps beside its weights (BART's bias)."""
    left = model.load_state_dict(
        {name: tensor.detach().clone() for name, tensor in state.items()}, strict=False
    )
    missing = set(left.missing_keys) & {name for name, _ in model.named_parameters()}
    assert not missing and not left.unexpected_keys  # noqa: S101 - a cut is of the model's own parameters
    kept, own = dict(teacher.named_buffers()), dict(model.named_buffers())
    for name in own.keys() & set(model.state_dict()):
        own[name].copy_(kept[name][..., : own[name].shape[-1]])


def _order(trial: Trial, data: TrialData, teacher: Any) -> Order:
    """The teacher's order from beside the shards; measured, and kept there, where there is none yet."""
    from kdray.students.kept_order import keep_order, kept_order, sample

    assert trial.shards is not None and data.shards is not None  # noqa: S101 - a teacher has shards
    if (order := kept_order(trial.shards)) is not None:
        return order
    rows, _ = data.shards.take(sample(len(data.shards)))
    return keep_order(teacher, rows, data.teacher_task.pad_id, [trial.shards])


def _with_own_vocabulary(
    state: dict[str, Any], own: dict[str, Any], student: Student, data: TrialData
) -> dict[str, Any]:
    """The same with the teacher's rows carried over to the student's vocabulary."""
    spelling = spelled(data.task.tokenizer, data.teacher_task.tokenizer)
    tables = [name for name in state if VOCAB in axes_of(student.family, name)[1]]
    return state | {name: carried_over(state[name], own[name], spelling) for name in tables}
