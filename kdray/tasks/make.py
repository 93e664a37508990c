"""A task from its name, a tokenizer and the limits that a trial sets."""

from __future__ import annotations

from typing import Any

from kdray.config import SNIPPETS, Encoding
from kdray.storage import exists, join, read_json
from kdray.tasks import AnyTask
from kdray.tasks.assertion import AssertionTask
from kdray.tasks.classification import ClassificationTask


def task_of(name: str, tokenizer: Any, encoder_decoder: bool, encoding: Encoding) -> AnyTask:
    """A task by name."""
    if name in SNIPPETS:
        return ClassificationTask(tokenizer, SNIPPETS[name], encoding.max_input)
    return assertion_task(tokenizer, encoder_decoder, encoding)


def assertion_task(tokenizer: Any, encoder_decoder: bool, encoding: Encoding) -> AssertionTask:
    """The task of generating assertions."""
    return AssertionTask(
        tokenizer,
        encoder_decoder,
        max_input=encoding.max_input,
        max_target=encoding.max_target,
        max_row=encoding.max_row,
        overlap=encoding.max_row * 3 // 8,
        max_header=min(40, encoding.max_input // 4),
    )


def is_ours(folder: str) -> bool:
    """Whether a model was trained by kdray."""
    return exists(join(folder, "kdray.json"))


def saved_encoding(folder: str) -> Encoding:
    """The limits that a model of ours was trained with; the defaults for any other."""
    return Encoding(**read_json(join(folder, "kdray.json"))["encoding"]) if is_ours(folder) else Encoding()
