"""A pretrained model as the beginning of a training: a student as it is, or a teacher that is fine-tuned.

Weights, configuration and dropout are its own. Rows of its tables behind the last token of its tokenizer are left
out (T5's 32,128 for 32,100 tokens), and those of tokens that a teacher with the same tokenizer has not: a student
speaks of the very tokens that its teacher speaks of. A classifier may be a bare encoder: its head begins at
random, as is said.

Not here: a student's own family (`derive`) and its teacher's weights (`warm_start`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from kdray.config import SNIPPETS, CheckpointStudent, Choice, Sweep, Trial
from kdray.console import say
from kdray.errors import ConfigError, DataError
from kdray.storage import exists, file_stamps, is_uri, join
from kdray.students.cuts import Checkpoint, check_reads_no_signal
from kdray.students.derive import config_of
from kdray.students.families import with_fast_attention
from kdray.students.load import check_padding, load_config, load_tokenizer
from kdray.students.pieces import check_pieces
from kdray.students.positions import check_length
from kdray.students.preflight import check_teacher
from kdray.students.published_cost import CLASSES
from kdray.students.whole_weights import UNREAD, whole_model
from kdray.teacher.cache import local_folder

NEW_HEAD = r"^classifier\."
"""Weights of a classifier that a bare encoder has not."""
OTHER_HEADS = rf"{UNREAD}|^lm_head\."
"""Weights of an encoder that a classifier does not read."""


def checkpoint_config(source: str, task: str) -> Any:
    """A checkpoint's configuration as it is trained for a task, its vocabulary that of its tokenizer.

    Raises:
        DataError: there is none, or it does not do the task; a classifier of another type than RoBERTa.
    """
    folder = local_folder(source)
    stamps = file_stamps(folder) if Path(folder).is_dir() else {}
    return config_of(json.loads(_saved(source, task, tuple(stamps.items()))))


@lru_cache(maxsize=64)
def _saved(source: str, task: str, stamps: tuple[tuple[str, str], ...]) -> str:
    """The same as text, read once as long as its files stay what they are."""
    config = load_config(source)
    if task in SNIPPETS and config.model_type != "roberta":
        raise DataError(
            f"{source}: a checkpoint that classifies must be of type roberta to be trained on, not"
            f" {config.model_type}"
        )
    if task in SNIPPETS and not (config.architectures or ["?"])[0].endswith("ForSequenceClassification"):
        config.num_labels, config.snippets = CLASSES, SNIPPETS[task]
    check_teacher(config, task, source)
    tokenizer = load_tokenizer(source)
    check_padding(config, tokenizer, source)
    config.vocab_size = min(config.vocab_size, max(tokenizer.get_vocab().values()) + 1)
    return str(config.to_json_string(use_diff=False))


def checkpoint_model(source: str, task: str, vocab: int) -> Any:
    """A checkpoint with all its weights, in float32, for a task.

    Args:
        source: a folder or hub name.
        task: what it is trained for.
        vocab: rows of its embedding that are kept.

    Raises:
        DataError: see `checkpoint_config` and `kdray.students.load.load_model`.
    """
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    folder, config = local_folder(source), checkpoint_config(source, task)
    if task in SNIPPETS:
        return _classifier(folder, config, vocab)
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = whole_model(auto, folder, trust_remote_code=False)
    if vocab < model.config.vocab_size:
        _cut_tables(model, vocab)
    check_pieces(model, source)
    return with_fast_attention(model)


def _cut_tables(model: Any, vocab: int) -> None:
    """Leaves out the last rows of what is indexed by tokens. A head that is apart stays so: of T5's kin
    transformers ties it whenever the table is made anew.
    """
    import torch

    head = model.get_output_embeddings()
    apart = head is not None and head.weight is not model.get_input_embeddings().weight
    kept = head.weight.detach()[:vocab].clone() if apart else None
    model.resize_token_embeddings(vocab)
    if kept is not None:
        model.get_output_embeddings().weight = torch.nn.Parameter(kept)


def _classifier(folder: str, config: Any, vocab: int) -> Any:
    from kdray.students.classifier import CodeClassifier

    own = load_config(folder)
    own.num_labels, own.snippets = config.num_labels, getattr(config, "snippets", 1)
    begun: list[str] = []
    model = whole_model(CodeClassifier, folder, OTHER_HEADS, new=NEW_HEAD, begun=begun, config=own)
    if begun:
        say(f"{folder}: an encoder without a classifier's head: {', '.join(begun)} begin at random")
    if vocab < own.vocab_size:
        model.resize_token_embeddings(vocab)
    return with_fast_attention(model)


def same_tokenizer(one: Any, other: Any) -> bool:
    """Whether two tokenizers give every text the same tokens, and mean the same by their special ones."""
    return _alphabet(one) == _alphabet(other)


def _alphabet(tokenizer: Any) -> tuple[Any, ...]:
    saved = json.loads(tokenizer.backend_tokenizer.to_str())
    for limits in ("truncation", "padding"):
        saved.pop(limits, None)
    ids = (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id)
    return ids, json.dumps(saved, sort_keys=True)


def is_foreign(trial: Trial, config: Any, tokenizer: Any) -> bool:
    """Whether a trial's checkpoint reads with another tokenizer than its teacher.

    Args:
        trial: its student is a checkpoint.
        config: the teacher's configuration.
        tokenizer: the teacher's.

    Raises:
        DataError: a checkpoint that cannot be loaded.
        ConfigError: one of another kind, or too short for the trial's rows.
    """
    student = trial.student
    assert isinstance(student, CheckpointStudent)  # noqa: S101 - see above
    own, source = checkpoint_config(student.checkpoint, trial.task), student.checkpoint
    if bool(own.is_encoder_decoder) != bool(config.is_encoder_decoder):
        kinds = ("decoder-only", "an encoder-decoder")
        raise ConfigError(
            f"student.checkpoint {source} ({own.model_type}) is {kinds[bool(own.is_encoder_decoder)]}, its teacher"
            f" ({config.model_type}) {kinds[bool(config.is_encoder_decoder)]}: name one of the same kind"
        )
    check_length(own, trial, f"student.checkpoint {source}")
    return not same_tokenizer(load_tokenizer(source), tokenizer)


def check_checkpoints(sweep: Sweep, *, asks_hub: bool) -> dict[str, Checkpoint]:
    """A sweep's checkpoints by name.

    Args:
        sweep: its teacher may be one that is trained later: then it is not asked.
        asks_hub: whether a name that is no folder is looked up.

    Raises:
        KdrayError: see `is_foreign`.
    """
    found: dict[str, Checkpoint] = {}
    for name in checkpoint_names(sweep):
        if not asks_hub and not _is_there(name):
            continue
        student = CheckpointStudent(family="checkpoint", checkpoint=name)
        trial = sweep.trial.model_copy(update={"student": student})
        config, teacher = checkpoint_config(name, trial.task), _teacher(trial)
        foreign = teacher is not None and is_foreign(trial, load_config(teacher), load_tokenizer(teacher))
        if foreign and not any(path.startswith("distil") for path in sweep.space):
            check_reads_no_signal(trial)
        found[name] = Checkpoint(config, foreign)
    return found


def checkpoint_names(sweep: Sweep) -> list[str]:
    """Of the checkpoints that a sweep may train."""

    def choices(path: str) -> list[Any]:
        spec = sweep.space.get(path)
        return list(spec.choices) if isinstance(spec, Choice) else []

    whole = [choice.get("checkpoint") for choice in choices("student") if isinstance(choice, Mapping)]
    own = getattr(sweep.trial.student, "checkpoint", None)
    return list(dict.fromkeys(name for name in (own, *choices("student.checkpoint"), *whole) if name))


def _teacher(trial: Trial) -> str | None:
    """Where a trial's teacher is, if it is there."""
    if trial.shards is not None and exists(join(trial.shards, "teacher", "config.json")):
        return local_folder(join(trial.shards, "teacher"))
    return trial.teacher if trial.teacher is not None and _is_there(trial.teacher) else None


def _is_there(source: str) -> bool:
    return is_uri(source) or Path(local_folder(source)).is_dir()
