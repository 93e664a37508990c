"""The cost model that Compressor, AVATAR and MORPH share, as published: a RoBERTa-style classifier of two classes.

Beside the exact counts of `cost`, so that their searches and figures can be reproduced to the digit. It counts one
snippet, a head that reads one hidden state, no position that is padding, and 4 bytes a parameter; its FLOPs are as
published, softmax, norms and activations included. AVATAR and MORPH take twice the positions for clone detection.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdray.config import RobertaStudent, Student

BYTES_PER_PARAM = 4
CLASSES = 2
"""Of a classifier."""
RESERVED_POSITIONS = 2
"""Rows of RoBERTa's position table that no token stands at: positions begin behind the padding token's number."""


@dataclass(frozen=True)
class Shape:
    """What the formula asks of a student.

    Attributes:
        hidden: width h.
        layers: l.
        positions: rows of the position table s, also the length that FLOPs are counted for.
        vocab: v.
        feed_forward: inner width i.
        heads: a.
    """

    hidden: int
    layers: int
    positions: int
    vocab: int
    feed_forward: int
    heads: int


def published_params(shape: Shape) -> int:
    """Parameters as published."""
    h, i = shape.hidden, shape.feed_forward
    embeddings = shape.vocab * h + shape.positions * h + 3 * h
    layer = 3 * (h * h + h) + (h * h + h) + (2 * h * i + i + h) + 4 * h
    head = (h * h + h) + (h * h + h) + (2 * h + 2)
    return embeddings + shape.layers * layer + head


def published_megabytes(shape: Shape) -> float:
    """Size in MB (10^6 bytes) at 4 bytes a parameter."""
    return published_params(shape) * BYTES_PER_PARAM / 1e6


def published_flops(shape: Shape) -> int:
    """FLOPs of one input of `positions` tokens."""
    h, i, s, a, v = shape.hidden, shape.feed_forward, shape.positions, shape.heads, shape.vocab
    attention = 6 * h * h + 3 * h + 2 * h * s + 5 * s * a + 4 * s * a + s * a + 2 * h * s
    attention += 2 * h * h + h + 4 * h + h + 5
    feed_forward = 2 * h * i + 8 * i + i + 2 * h * i + h + 4 * h + h + 5 * h
    embedding = 2 * h * v + 2 * h * (s + 2) + 2 * h + 5 * h + 4 * h
    classifier = 2 * h * h + h + 12 * h + 2 * h
    return s * (shape.layers * (attention + feed_forward) + embedding + classifier)


def published_costs(student: Student, vocab: int) -> dict[str, float]:
    """`size_mb` and `gflops` of a classifier, with the tokens of all its snippets as positions (as AVATAR and
    MORPH count); nothing for another family.

    Args:
        student: its architecture.
        vocab: rows of its teacher's embedding; a student with a tokenizer of its own has `student.vocab`.
    """
    if not isinstance(student, RobertaStudent):
        return {}
    tokens = student.snippets * (student.positions - RESERVED_POSITIONS)
    shape = Shape(
        student.hidden, student.layers, tokens, student.vocab or vocab, student.feed_forward, student.heads
    )
    return {"size_mb": published_megabytes(shape), "gflops": published_flops(shape) / 1e9}
