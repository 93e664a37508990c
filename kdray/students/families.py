"""Plain transformers models from a small typed configuration, and back."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from pydantic import ValidationError

from kdray.config import AnyStudent, LlamaStudent, RobertaStudent, Student, T5Student, TeacherStudent
from kdray.errors import ConfigError, DataError
from kdray.students.derive import CLASSIFIERS, derived, new_model

MAX_POSITIONS = 512
"""Positions a decoder-only student is configured for; rotary positions need no table, so this costs nothing.
"""


def build(
    student: AnyStudent, vocab: int, *, pad_id: int, end_id: int, start_id: int = 0, like: Any = None
) -> Any:
    """A randomly initialised transformers model.

    Args:
        student: its architecture.
        vocab: rows of its teacher's embedding; a student with a tokenizer of its own has `student.vocab`.
        pad_id: the padding token, also the decoder's start (T5's convention).
        end_id: the token that ends an answer or a snippet.
        start_id: the token that begins a snippet (RoBERTa only).
        like: the configuration of the teacher whose weights it shall take: everything of it that is no size is
            carried over (see `derive`). None: kdray's own configuration of the family.

    Raises:
        ConfigError: sizes that cannot be built.
    """
    vocab = student.vocab or vocab
    if like is not None:
        return _build_like(like, student, vocab, pad_id, end_id, start_id)
    if isinstance(student, TeacherStudent):
        raise ConfigError("student.family teacher: the teacher's configuration is not known")
    if isinstance(student, RobertaStudent):
        from kdray.students import classifier

        return classifier.build(student, vocab, pad_id=pad_id, start_id=start_id, end_id=end_id)
    build_family = _build_t5 if isinstance(student, T5Student) else _build_llama
    return with_fast_attention(build_family(student, vocab, pad_id, end_id))  # type: ignore[arg-type]


def _build_like(like: Any, student: AnyStudent, vocab: int, pad_id: int, end_id: int, start_id: int) -> Any:
    config = derived(like, student, vocab)
    if config.model_type in CLASSIFIERS:
        config.pad_token_id, config.bos_token_id, config.eos_token_id = pad_id, start_id, end_id
        return new_model(config)
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    if student.own_tokenizer:  # the teacher's numbers mean nothing there
        config.pad_token_id, config.bos_token_id = pad_id, None
        if config.is_encoder_decoder:
            config.decoder_start_token_id = pad_id
    if student.own_tokenizer or end_id not in ends:
        config.eos_token_id = end_id
    if (
        not config.is_encoder_decoder and getattr(config, "pad_token_id", None) == end_id
    ):  # see `_build_llama`
        config.pad_token_id = None
    return with_fast_attention(new_model(config))


def with_fast_attention(model: Any) -> Any:
    """Plain matrix products for attention on a CPU: at these widths its fused kernel made a bfloat16 training
    step 1.3 times slower with 6 layers of 256, 1.45 times with 3 of 128 (one core, 173 tokens).
    """
    import torch

    if not torch.cuda.is_available():
        model.set_attn_implementation("eager")
    return model


def _build_llama(student: LlamaStudent, vocab: int, pad_id: int, end_id: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=student.hidden,
        num_hidden_layers=student.layers,
        num_attention_heads=student.heads,
        num_key_value_heads=student.heads,
        head_dim=student.head_dim,
        intermediate_size=student.feed_forward,
        hidden_act=student.activation,
        attention_dropout=student.attention_dropout,
        max_position_embeddings=MAX_POSITIONS,
        tie_word_embeddings=student.tied_embeddings,
        # An embedding never learns its padding row; an end token that pads as well is read, and learns.
        pad_token_id=None if pad_id == end_id else pad_id,
        eos_token_id=end_id,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config)


def _build_t5(student: T5Student, vocab: int, pad_id: int, end_id: int) -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=vocab,
        d_model=student.hidden,
        d_kv=student.head_dim,
        d_ff=student.feed_forward,
        num_layers=student.encoder_layers,
        num_decoder_layers=student.decoder_layers,
        num_heads=student.heads,
        feed_forward_proj=student.activation,
        dropout_rate=student.dropout,
        tie_word_embeddings=True,
        pad_token_id=pad_id,
        eos_token_id=end_id,
        decoder_start_token_id=pad_id,
    )
    return T5ForConditionalGeneration(config)


def describe(config: Any, init: str = "random") -> Student:
    """The typed configuration of a transformers model's config, as a student that reads with its own tokenizer.

    Raises:
        DataError: another family, or a feed-forward that kdray's has not.
    """
    readers = {"llama": _describe_llama, "t5": _describe_t5, "roberta": _describe_roberta}
    if config.model_type not in readers:
        known = ", ".join(readers)
        raise DataError(f"model type '{config.model_type}' is not one kdray knows, known: {known}")
    try:
        return readers[config.model_type](config, init)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise DataError(
            f"a {config.model_type} model that kdray cannot build: {field}: {first['msg']}"
        ) from None


def _describe_llama(config: Any, init: str) -> Student:
    return LlamaStudent(
        family="llama",
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        head_dim=config.head_dim or config.hidden_size // config.num_attention_heads,
        feed_forward=config.intermediate_size,
        activation=config.hidden_act,
        attention_dropout=config.attention_dropout or 0.0,
        tied_embeddings=config.tie_word_embeddings,
        init=init,
    )


def _describe_t5(config: Any, init: str) -> Student:
    if config.is_gated_act:
        raise DataError("a t5 model with a gated feed-forward: kdray builds and cuts ungated ones")
    return T5Student(
        family="t5",
        encoder_layers=config.num_layers,
        decoder_layers=config.num_decoder_layers,
        hidden=config.d_model,
        heads=config.num_heads,
        head_dim=config.d_kv,
        feed_forward=config.d_ff,
        activation=config.dense_act_fn,
        dropout=config.dropout_rate,
        init=init,
    )


def _describe_roberta(config: Any, init: str) -> Student:
    return RobertaStudent(
        family="roberta",
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        feed_forward=config.intermediate_size,
        snippets=getattr(config, "snippets", 1),
        positions=config.max_position_embeddings,
        position_type=getattr(config, "position_embedding_type", "absolute"),
        activation=config.hidden_act,
        dropout=config.hidden_dropout_prob,
        attention_dropout=config.attention_probs_dropout_prob,
        init=init,
    )


def teacher_shape(config: Mapping[str, Any]) -> Student | None:
    """The architecture behind a `config.json`; None for one that no student of a named family can be cut from."""
    return shape_of(SimpleNamespace(**config))


def shape_of(config: Any) -> Student | None:
    """The architecture behind a configuration, as `teacher_shape`."""
    try:
        return describe(config)
    except (DataError, AttributeError):  # another family, or not saved in transformers' own words
        return None
