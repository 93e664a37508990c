"""What students must know of their teacher, from what is kept beside the shards."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from kdray.config import SNIPPETS, Student
from kdray.errors import DataError
from kdray.storage import join, read_json
from kdray.students.families import describe


def embedding_rows(shards: str, vocab: int, task: str) -> int:
    """The `vocab` of the stored logits; where these are of classes, the teacher's own vocabulary."""
    if task not in SNIPPETS:
        return vocab
    return int(read_json(join(shards, "teacher", "config.json"))["vocab_size"])


def teacher_shape(config: Mapping[str, Any]) -> Student | None:
    """The architecture behind a `config.json`; None for one that no student of ours can be cut from."""
    try:
        return describe(SimpleNamespace(**config))
    except (DataError, AttributeError):  # another family, or not saved in transformers' own words
        return None


def kept_teacher(shards: str) -> Student | None:
    """The architecture of the teacher that is kept beside shards, if it is one of ours."""
    return teacher_shape(read_json(join(shards, "teacher", "config.json")))
