"""Source text as tokens: what spells a special token (`"<pad>"`, `"</s>"`) is text in it, and stays that.

The one exception is an end token that is the newline, as our own tokenizer has it: there the newlines are meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PLAIN = {"add_special_tokens": False, "verbose": False}


def encode_text(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text, without special ones but for a newline that ends."""
    if not texts:
        return []
    found: list[list[int]] = tokenizer(list(texts), **PLAIN)["input_ids"]
    for number, one in enumerate(texts):
        if spells_special(tokenizer, one):
            found[number] = _split(tokenizer, one)
    return found


def spells_special(tokenizer: Any, text: str) -> bool:
    """Whether a text holds what would be read as a special token."""
    return any(token in text for token in tokenizer.get_added_vocab() if token.strip())


def _split(tokenizer: Any, one: str) -> list[int]:
    """Pieces of our own tokenizers never cross a newline: line by line gives the same ones."""
    end = tokenizer.eos_token
    lines = [one] if end is None or end.strip() else one.split(end)
    encoded = tokenizer(lines, **PLAIN, split_special_tokens=True)["input_ids"]
    ids: list[int] = list(encoded[0])
    for line in encoded[1:]:
        ids += [tokenizer.eos_token_id, *line]
    return ids
