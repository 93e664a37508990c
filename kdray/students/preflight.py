"""What can be told of a teacher and a student before anything is captured: from configurations alone."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from kdray.config import SNIPPETS, AnyStudent, Sweep, Trial
from kdray.errors import ConfigError, DataError
from kdray.storage import exists, is_uri, join
from kdray.students.cuts import check_cut
from kdray.students.derive import CLASSIFIERS, config_of, derived, new_model
from kdray.students.families import shape_of
from kdray.students.kept_weights import own_weights
from kdray.students.load import check_classes, check_generates, kept_config, load_config
from kdray.students.pieces import check_family
from kdray.students.positions import check_length, positions_of
from kdray.students.quantised import check_quantised
from kdray.students.warm_start import cut_state
from kdray.tasks.form import check_form
from kdray.teacher.cache import local_folder


def check_models(sweep: Sweep) -> None:
    """Raises `KdrayError` where a sweep's teacher cannot be captured, or its base trial's student not be made of
    it.

    A teacher that is not there yet is not asked: it may be trained later.
    """
    config, source = teacher_config(sweep.trial)
    if config is not None:
        check_teacher(config, sweep.trial.task, source)
        check_student(config, sweep.trial)


def teacher_config(trial: Trial) -> tuple[Any, str]:
    """The configuration of a trial's teacher and where it is from; None where there is none to be read."""
    # Of a hub's name nothing is asked here: a name with a slash may be a folder that is trained later.
    if trial.teacher is not None and (is_uri(trial.teacher) or Path(local_folder(trial.teacher)).is_dir()):
        try:
            return load_config(trial.teacher), trial.teacher
        except DataError:
            if not is_uri(trial.teacher) and Path(local_folder(trial.teacher)).is_dir():
                raise
    if trial.shards is not None and exists(join(trial.shards, "teacher", "config.json")):
        return kept_config(trial.shards), join(trial.shards, "teacher")
    return None, ""


def check_teacher(config: Any, task: str, source: str) -> None:
    """Raises `DataError` for a teacher that does not do the task, or not as kdray asks it."""
    snippets = SNIPPETS.get(task)
    if snippets is None:
        if config.model_type in CLASSIFIERS:
            raise DataError(
                f"{source}: a {config.model_type} classifies here and writes nothing: task must be"
                f" {' or '.join(SNIPPETS)}"
            )
        check_generates(config, source)
        check_quantised(config, source)
        check_family(config, source)
        return
    if config.model_type not in CLASSIFIERS:
        known = " or ".join(CLASSIFIERS)
        raise DataError(f"{source}: task {task} wants a teacher of type {known}, not {config.model_type}")
    check_classes(config, source)
    own = int(getattr(config, "snippets", 1))
    if own != snippets and snippets == 2:
        raise DataError(
            f"{source}: reads one text, <s>a</s></s>b</s> if it was trained on pairs; task {task} wants a teacher"
            " that reads each snippet for itself (`snippets: 2` in its config.json, from kdray teacher train)"
        )
    if own != snippets:
        raise DataError(f"{source}: reads {own} snippets, task {task} has {snippets}")


def check_student(config: Any, trial: Trial) -> None:
    """Raises `ConfigError` where a trial's student cannot learn from a teacher of this configuration, or not begin
    as it says.
    """
    wanted = {"t5": True, "llama": False}.get(trial.student.family)
    if wanted is not None and wanted != bool(config.is_encoder_decoder):
        other = "an encoder-decoder" if config.is_encoder_decoder else "decoder-only"
        raise ConfigError(
            f"student.family {trial.student.family}: the teacher ({config.model_type}) is {other}: "
            "use family teacher"
        )
    if trial.task in SNIPPETS:
        if config.model_type != "roberta" and trial.encoding.max_input > (room := positions_of(config)):
            raise ConfigError(
                f"encoding.max_input {trial.encoding.max_input}: the teacher has {room} positions"
            )
    else:
        check_form(trial.encoding, bool(config.is_encoder_decoder))
        check_context(trial, bool(config.is_encoder_decoder))
        check_length(config, trial, "the teacher")
    check_cut(shape_of(config), trial.student, config)
    if trial.student.family == "teacher" and trial.student.init != "random":
        check_weights(config, trial.student)


def check_context(trial: Trial, encoder_decoder: bool) -> None:
    """Raises `ConfigError` where a context is to be learnt by what reads it apart from its answer."""
    if encoder_decoder and trial.optim.context_weight > 0:
        raise ConfigError("optim.context_weight has no effect on an encoder-decoder: leave it out")


@lru_cache(maxsize=64)
def _shapes(saved: str) -> dict[str, Any]:
    """What the model behind a `config.json` saves, without its numbers."""
    import torch

    with torch.device("meta"):
        return own_weights(new_model(config_of(json.loads(saved))))


def check_weights(config: Any, student: AnyStudent) -> None:
    """Raises `ConfigError` where a cut would leave a kind of the teacher's weights out, or has one of its own."""
    made = derived(config, student, config.vocab_size)
    theirs, ours = (_shapes(one.to_json_string(use_diff=False)) for one in (config, made))
    cut_state(theirs, config.model_type, {name: parameter.shape for name, parameter in ours.items()})
