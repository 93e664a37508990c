"""What a student costs, before any of its weights exist."""

from __future__ import annotations

from kdray.config import RobertaStudent, Student, T5Student

BYTES_PER_PARAM = 4
T5_BUCKETS = 32
"""Relative-position buckets of T5, one bias per head in the first block of each stack."""
CLASSES = 2
"""Of a classifier."""


def params(student: Student, vocab: int) -> int:
    """The exact number of parameters of `families.build(student, vocab)`, tied embeddings counted once."""
    if isinstance(student, RobertaStudent):
        return _roberta(student, vocab)
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


def _roberta(student: RobertaStudent, vocab: int) -> int:
    """Words, positions and one type, each layer with its biases, and the head."""
    hidden, inner = student.hidden, student.feed_forward
    embedding = (vocab + student.positions + 1 + 2) * hidden
    layer = 4 * (hidden * hidden + hidden) + 2 * hidden * inner + inner + hidden + 4 * hidden
    head = student.snippets * hidden * hidden + hidden + CLASSES * (hidden + 1)
    return embedding + student.layers * layer + head


def size_bytes(student: Student, vocab: int) -> int:
    """Bytes of the parameters in float32."""
    return params(student, vocab) * BYTES_PER_PARAM
