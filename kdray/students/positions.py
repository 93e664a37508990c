"""How much a model with a table of positions can read."""

from __future__ import annotations

from typing import Any

from kdray.config import Trial
from kdray.errors import ConfigError

POSITIONED = (
    "bart", "biogpt", "codegen", "gpt2", "gpt_bigcode", "gpt_neo", "gptj", "led", "marian", "mbart", "opt",
    "plbart",
)  # fmt: skip
"""Model types that write and have tables of positions, beyond which they cannot read."""


def positions_of(config: Any) -> int:
    """Tokens of a snippet that a classifier has positions for: RoBERTa's begin behind the padding token's id."""
    taken = config.pad_token_id + 1 if config.model_type == "roberta" else 0
    return int(config.max_position_embeddings) - taken


def check_length(config: Any, trial: Trial, source: str) -> None:
    """Raises `ConfigError` where a trial's texts are longer than a model's table of positions."""
    if config.model_type not in POSITIONED:
        return
    limits, apart = trial.encoding, bool(config.is_encoder_decoder)
    own = getattr(config, "max_position_embeddings", None)
    read = getattr(config, "max_encoder_position_embeddings", own)
    write = getattr(config, "max_decoder_position_embeddings", own)
    longest = limits.max_input if apart else max(limits.max_row, limits.max_input + limits.max_target)
    for what, asked, room in (("reads", longest, read), ("writes", limits.max_target if apart else 0, write)):
        if room is not None and asked > room:
            raise ConfigError(
                f"{source} ({config.model_type}) {what} {room} tokens at most, encoding asks for {asked}: lower it"
            )
