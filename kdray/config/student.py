"""A student's architecture as plain data: three families, the teacher's own, and a checkpoint, each a small part
whose every field may be searched.

What cannot be built is refused here, so that a space is found wanting when it is validated. Dropout is that of the
family's own transformers model: `dropout` of hidden states, `attention_dropout` of attention weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from kdray.config.read import Part

Activation = Literal["gelu", "relu", "silu", "gelu_new"]
TokenizerKind = Literal["teacher", "bpe", "wordpiece", "unigram", "word"]
Init = Literal["random", "layers", "sliced"]
Dropout = Annotated[float, Field(ge=0, lt=1)]
SHORTER = "tokens of a prompt that it reads, its last ones; None for as many as its teacher"


class _Architecture(Part):
    """What all families share. `vocab` is None where the student reads with its teacher's tokenizer."""

    hidden: int = Field(ge=8, le=65_536)
    heads: int = Field(ge=1, le=1024)
    feed_forward: int = Field(ge=8, le=1_048_576)
    tokenizer: TokenizerKind = Field("teacher", description="the teacher's, or a kind trained anew")
    vocab: int | None = Field(None, ge=300, le=1_048_576, description="tokens of a tokenizer trained anew")

    @model_validator(mode="after")
    def _vocabulary_of_its_own(self) -> _Architecture:
        if self.tokenizer == "teacher" and self.vocab is not None:
            raise ValueError(
                f"vocab {self.vocab} has no effect with the teacher's tokenizer: name a tokenizer"
            )
        if self.tokenizer != "teacher" and self.vocab is None:
            raise ValueError(f"tokenizer '{self.tokenizer}' is trained anew: name its vocab")
        return self

    @property
    def own_tokenizer(self) -> bool:
        """Whether the student reads with a tokenizer that is not its teacher's."""
        return self.tokenizer != "teacher"


class T5Student(_Architecture):
    """Encoder-decoder of the T5 family: relative positions; transformers always ties its embeddings."""

    family: Literal["t5"]
    encoder_layers: int = Field(ge=1, le=1024)
    decoder_layers: int = Field(ge=1, le=1024)
    head_dim: int = Field(32, ge=4, le=4096)
    max_input: int | None = Field(None, ge=16, le=1_048_576, description=SHORTER)
    activation: Activation = "relu"
    dropout: Dropout = 0.0
    init: Init = "sliced"


class LlamaStudent(_Architecture):
    """Decoder-only, Llama family: RMS norm, rotary positions, gated feed-forward."""

    family: Literal["llama"]
    layers: int = Field(ge=1, le=1024)
    head_dim: int = Field(32, ge=4, le=4096)
    max_input: int | None = Field(None, ge=16, le=1_048_576, description=SHORTER)
    activation: Activation = "silu"
    attention_dropout: Dropout = 0.0
    tied_embeddings: bool = True
    init: Init = "sliced"

    @model_validator(mode="after")
    def _can_be_built(self) -> LlamaStudent:
        # transformers refuses the model otherwise, although heads * head_dim is free to differ from hidden.
        _heads_divide_hidden(self)
        if self.head_dim % 2:
            raise ValueError(f"head_dim {self.head_dim} must be even: rotary positions turn pairs")
        return self


class RobertaStudent(_Architecture):
    """Encoder with a head that classifies one snippet or a pair, RoBERTa family."""

    family: Literal["roberta"]
    layers: int = Field(ge=1, le=1024)
    snippets: int = Field(1, ge=1, le=2, description="of an input: 2 for clone, 1 for vulnerability")
    positions: int = Field(
        514,
        ge=18,
        le=1_048_576,
        description="two more than the tokens of a snippet that it reads; longer ones are cut",
    )
    position_type: Literal["absolute", "relative_key", "relative_key_query"] = "absolute"
    activation: Activation = "gelu"
    dropout: Dropout = 0.0
    attention_dropout: Dropout = 0.0
    init: Init = "random"

    @model_validator(mode="after")
    def _can_be_built(self) -> RobertaStudent:
        _heads_divide_hidden(self)
        return self


class _Untrained(Part):
    """Of students whose tokenizer is not trained for them."""

    @property
    def own_tokenizer(self) -> bool:
        """Whether a tokenizer is trained for the student."""
        return False

    @property
    def tokenizer(self) -> TokenizerKind:
        """See `own_tokenizer`."""
        return "teacher"

    @property
    def vocab(self) -> None:
        """See `own_tokenizer`."""
        return None


class TeacherStudent(_Untrained):
    """The teacher's own family: its configuration with other sizes, where None is the teacher's."""

    family: Literal["teacher"]
    layers: int | None = Field(None, ge=1, le=1024, description="of a decoder-only model")
    encoder_layers: int | None = Field(None, ge=1, le=1024)
    decoder_layers: int | None = Field(None, ge=1, le=1024)
    hidden: int | None = Field(None, ge=8, le=65_536)
    heads: int | None = Field(None, ge=1, le=1024)
    kv_heads: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="heads of keys and values; None: in the teacher's proportion to heads",
    )
    feed_forward: int | None = Field(None, ge=8, le=1_048_576)
    max_input: int | None = Field(None, ge=16, le=1_048_576, description=SHORTER)
    init: Init = "layers"


class Lora(Part):
    """Low-rank adapters beside every linear layer, trained in its place and merged at the end."""

    rank: int = Field(8, ge=1, le=4096)
    alpha: float = Field(16, gt=0, description="adapters count alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="of what an adapter reads")


class CheckpointStudent(_Untrained):
    """A pretrained model with its own weights, configuration, dropout and tokenizer: none of these is chosen."""

    family: Literal["checkpoint"]
    checkpoint: str = Field(min_length=1, description="a folder or hub name that transformers can load")
    max_input: int | None = Field(None, ge=16, le=1_048_576, description=SHORTER)
    lora: Lora | None = Field(
        None,
        description="train adapters instead of the whole (extra lora); merged when it is judged at the end",
    )

    @property
    def init(self) -> Literal["checkpoint"]:
        """Its weights are its own."""
        return "checkpoint"


def _heads_divide_hidden(student: _Architecture) -> None:
    if student.hidden % student.heads:
        raise ValueError(f"heads {student.heads} must divide hidden {student.hidden}")


Student = Annotated[T5Student | LlamaStudent | RobertaStudent, Field(discriminator="family")]
"""A student of a family that kdray builds itself."""


def _named(data: Any) -> Any:
    """`{checkpoint: FOLDER}` says enough."""
    if isinstance(data, Mapping) and "checkpoint" in data and "family" not in data:
        return {"family": "checkpoint", **data}
    return data


AnyStudent = Annotated[
    Annotated[
        T5Student | LlamaStudent | RobertaStudent | TeacherStudent | CheckpointStudent,
        Field(discriminator="family"),
    ],
    BeforeValidator(_named),
]
"""What a trial may name."""
