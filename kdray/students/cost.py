"""What a student costs, before any of its weights exist."""

from __future__ import annotations

from kdray.config import Student, T5Student

BYTES_PER_PARAM = 4
T5_BUCKETS = 32
"""Relative-position buckets of T5, one bias per head in the first block of each stack."""


def params(student: Student, vocab: int) -> int:
    """The exact number of parameters of `families.build(student, vocab)`, tied embeddings counted once."""
    inner = student.heads * student.head_dim
    attention = 4 * student.hidden * inner
    norm = student.hidden
    embedding = vocab * student.hidden
    if isinstance(student, T5Student):
        feed_forward = 2 * student.hidden * student.feed_forward
        encoder = student.encoder_layers * (attention + feed_forward + 2 * norm)
        decoder = student.decoder_layers * (2 * attention + feed_forward + 3 * norm)
        return embedding + encoder + decoder + 2 * norm + 2 * T5_BUCKETS * student.heads
    layer = attention + 3 * student.hidden * student.feed_forward + 2 * norm
    return embedding + student.layers * layer + norm


def size_bytes(student: Student, vocab: int) -> int:
    """Bytes of the parameters in float32."""
    return params(student, vocab) * BYTES_PER_PARAM
