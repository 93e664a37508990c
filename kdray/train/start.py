"""A student's first weights."""

from __future__ import annotations

from typing import Any

from kdray.config import Trial
from kdray.errors import ConfigError, DataError
from kdray.students.families import build, describe
from kdray.students.warm_start import check_sliceable, slice_state
from kdray.train.data import TrialData


def new_student(trial: Trial, data: TrialData) -> Any:
    """The student at step 0: random, or cut out of the teacher as `student.init` says. Raises `KdrayError`."""
    student = trial.student
    task = data.task
    model = build(student, data.vocab, pad_id=task.pad_id, end_id=task.end_id, start_id=task.start_id)
    if student.init == "random":
        return model
    if data.teacher is None:
        raise ConfigError(
            f"student.init '{student.init}' needs a teacher's weights beside the shards: use init 'random'"
        )
    from transformers import AutoConfig
    from transformers.utils import logging

    from kdray.students.load import load_model, weights_fingerprint

    logging.disable_progress_bar()
    teacher = describe(AutoConfig.from_pretrained(data.teacher))
    check_sliceable(teacher, student)
    whole = load_model(data.teacher)
    if data.fingerprint not in (None, weights_fingerprint(whole)):
        raise DataError(f"{data.teacher}: not the weights that the shards were captured from")
    weights = dict(whole.named_parameters())
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    state = slice_state(weights, teacher, student, shapes)
    model.load_state_dict({name: tensor.detach().clone() for name, tensor in state.items()}, strict=False)
    return model
