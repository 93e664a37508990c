"""How much a model can read: with a table of positions, or with rotary angles that longer texts change."""

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
    """Raises `ConfigError` where a trial's texts are longer than a model's table of positions, or than those whose
    rotary angles are the same whatever else is in a batch.
    """
    limits, apart = trial.encoding, bool(config.is_encoder_decoder)
    within, row = _settled(config), max(limits.max_row, limits.max_input + limits.max_target)
    if within is not None and row > within:
        raise ConfigError(
            f"{source} ({config.model_type}) turns its angles by a batch's longest text beyond {within} tokens:"
            f" what it says of one would depend on the others; encoding asks for {row}: lower it"
        )
    if config.model_type not in POSITIONED:
        return
    own = getattr(config, "max_position_embeddings", None)
    read = getattr(config, "max_encoder_position_embeddings", own)
    write = getattr(config, "max_decoder_position_embeddings", own)
    longest = limits.max_input if apart else row
    for what, asked, room in (("reads", longest, read), ("writes", limits.max_target if apart else 0, write)):
        if room is not None and asked > room:
            raise ConfigError(
                f"{source} ({config.model_type}) {what} {room} tokens at most, encoding asks for {asked}: lower it"
            )


def _settled(config: Any) -> int | None:
    """Tokens within which rotary angles do not depend on a text's length; None where they never do."""
    told = getattr(config, "rope_parameters", None) or {}
    rooms = []
    for one in (told, *told.values()):  # of all layers, or for each kind of attention
        kind = one.get("rope_type") if isinstance(one, dict) else None
        if kind in ("dynamic", "longrope"):
            name = "original_max_position_embeddings" if kind == "longrope" else "max_position_embeddings"
            rooms.append(int(one.get(name) or getattr(config, name, None) or config.max_position_embeddings))
    return min(rooms, default=None)
