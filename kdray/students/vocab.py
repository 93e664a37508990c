"""How many rows a student's embedding has, from what is kept beside the shards."""

from __future__ import annotations

from kdray.config import SNIPPETS
from kdray.storage import join, read_json


def embedding_rows(shards: str, vocab: int, task: str) -> int:
    """The `vocab` of the stored logits; where these are of classes, the teacher's own vocabulary."""
    if task not in SNIPPETS:
        return vocab
    return int(read_json(join(shards, "teacher", "config.json"))["vocab_size"])
