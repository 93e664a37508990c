"""What a student costs, before any of its weights exist: exact parameters, and the FLOPs of its matrix products.

FLOPs are those of one forward pass, two for each multiplication and addition, as `torch.utils.flop_counter` counts
them: attention over all pairs of positions, norms and activations for nothing. An example is read once with its
output behind it, which is also what it takes to write that output over a key-value cache, but for the attention to
tokens that come later.

Not here: the formula that published searches use (`published_cost`), and time and memory as they are measured
(`evaluation.speed`).
"""

from __future__ import annotations

from typing import Any

from kdray.config import (
    SNIPPETS,
    CheckpointStudent,
    LlamaStudent,
    RobertaStudent,
    Student,
    T5Student,
    TeacherStudent,
    Trial,
)
from kdray.errors import ConfigError
from kdray.students.derive import is_plain
from kdray.students.derived_cost import counted, counted_config
from kdray.students.families import describe
from kdray.students.published_cost import CLASSES, RESERVED_POSITIONS, published_costs

BYTES_PER_PARAM = 4
T5_BUCKETS = 32
"""Relative-position buckets of T5, one bias per head in the first block of each stack."""


def params(student: Student, vocab: int) -> int:
    """The exact number of parameters of `families.build(student, vocab)`, tied embeddings counted once.

    Args:
        student: its architecture.
        vocab: rows of its teacher's embedding; a student with a tokenizer of its own has `student.vocab`.
    """
    vocab = student.vocab or vocab
    if isinstance(student, RobertaStudent):
        return _roberta_params(student, vocab)
    attention = 4 * student.hidden * student.heads * student.head_dim
    norm = student.hidden
    embedding = vocab * student.hidden
    if isinstance(student, T5Student):
        feed_forward = 2 * student.hidden * student.feed_forward
        encoder = student.encoder_layers * (attention + feed_forward + 2 * norm)
        decoder = student.decoder_layers * (2 * attention + feed_forward + 3 * norm)
        return embedding + encoder + decoder + 2 * norm + 2 * T5_BUCKETS * student.heads
    layer = attention + 3 * student.hidden * student.feed_forward + 2 * norm
    return embedding * (1 if student.tied_embeddings else 2) + student.layers * layer + norm


def _roberta_params(student: RobertaStudent, vocab: int) -> int:
    """Words, positions and one type, each layer with its biases, and the head."""
    hidden, inner = student.hidden, student.feed_forward
    absolute = student.position_type == "absolute"
    embedding = (vocab + (student.positions if absolute else 0) + 1 + 2) * hidden
    layer = 4 * (hidden * hidden + hidden) + 2 * hidden * inner + inner + hidden + 4 * hidden
    if not absolute:
        layer += (2 * student.positions - 1) * (hidden // student.heads)
    head = student.snippets * hidden * hidden + hidden + CLASSES * (hidden + 1)
    return embedding + student.layers * layer + head


def size_bytes(student: Student, vocab: int) -> int:
    """Bytes of the parameters in float32."""
    return params(student, vocab) * BYTES_PER_PARAM


def flops_per_example(student: Student, vocab: int, inputs: int, outputs: int) -> int:
    """FLOPs of one example.

    Args:
        student: its architecture.
        vocab: as for `params`.
        inputs: tokens of the prompt, or of each snippet.
        outputs: tokens that are predicted; a classifier has none but its class.
    """
    vocab = student.vocab or vocab
    if isinstance(student, RobertaStudent):
        return _roberta_flops(student, inputs)
    hidden, inner = student.hidden, student.heads * student.head_dim
    projection = 2 * outputs * hidden * vocab
    if isinstance(student, LlamaStudent):
        length = inputs + outputs
        layer = length * (8 * hidden * inner + 6 * hidden * student.feed_forward) + 4 * length**2 * inner
        return student.layers * layer + projection
    token = 4 * hidden * student.feed_forward
    encoder = inputs * (8 * hidden * inner + token) + 4 * inputs**2 * inner
    # The encoder's states are projected to keys and values anew in each layer of the decoder.
    cross = outputs * 4 * hidden * inner + inputs * 4 * hidden * inner + 4 * outputs * inputs * inner
    decoder = outputs * (8 * hidden * inner + token) + 4 * outputs**2 * inner + cross
    return student.encoder_layers * encoder + student.decoder_layers * decoder + projection


def _roberta_flops(student: RobertaStudent, inputs: int) -> int:
    hidden = student.hidden
    products = {"absolute": 2, "relative_key": 3, "relative_key_query": 4}[student.position_type]
    layer = inputs * (8 * hidden * hidden + 4 * hidden * student.feed_forward)
    layer += products * 2 * inputs**2 * hidden
    # The bias of the classes is a column of their projection.
    head = 2 * student.snippets * hidden * hidden + 2 * (hidden + 1) * CLASSES
    return student.snippets * student.layers * layer + head


def costs(trial: Trial, vocab: int, config: Any = None) -> dict[str, float]:
    """`student_params`, `student_bytes` and `student_flops` of a trial, known before anything is trained; of a
    classifier also `size_mb` and `gflops`, as published searches count them (see `published_cost`).

    FLOPs are those of the longest example that its limits let through.

    Args:
        trial: names the student.
        vocab: rows of its teacher's embedding.
        config: its teacher's configuration (or its own), which a student of the teacher's own family needs, a
            checkpoint (its own), and one cut from a teacher with more to it than a student's fields say (biases,
            grouped queries).

    Raises:
        ConfigError: a student of the teacher's own family without `config`, or one that cannot be built.
    """
    student, limits = trial.student, trial.encoding
    if isinstance(student, CheckpointStudent):
        return _of_a_checkpoint(trial, config)
    if isinstance(student, TeacherStudent) or (
        config is not None and student.init != "random" and not is_plain(config)
    ):
        if config is None:
            raise ConfigError("student.family teacher: the teacher's configuration is not known")
        inputs = getattr(student, "max_input", None) or limits.max_input
        return _as_costs(*counted(config, student, vocab, inputs, limits.max_target))
    if isinstance(student, RobertaStudent):
        inputs = min(limits.max_input, student.positions - RESERVED_POSITIONS)
    else:
        inputs = student.max_input or limits.max_input
    return {
        "student_params": params(student, vocab),
        "student_bytes": size_bytes(student, vocab),
        "student_flops": flops_per_example(student, vocab, inputs, limits.max_target),
        **published_costs(student, vocab),
    }


def _as_costs(count: int, flops: int) -> dict[str, float]:
    return {"student_params": count, "student_bytes": count * BYTES_PER_PARAM, "student_flops": flops}


def _of_a_checkpoint(trial: Trial, config: Any) -> dict[str, float]:
    """The same out of a checkpoint's own configuration."""
    if trial.task in SNIPPETS:
        return costs(trial.model_copy(update={"student": describe(config)}), config.vocab_size)
    inputs = getattr(trial.student, "max_input", None) or trial.encoding.max_input
    return _as_costs(*counted_config(config, inputs, trial.encoding.max_target))
