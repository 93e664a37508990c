"""Whether a tokenizer has tokens of its own, and its model a row for each of those that a text may become."""

from __future__ import annotations

from typing import Any

from kdray.errors import DataError


def check_tokens(tokenizer: Any, source: str) -> None:
    """Raises `DataError` for a tokenizer without a vocabulary: where its files are missing, transformers makes one
    of special tokens alone for some families, to which all texts are the same.
    """
    if len(tokenizer.get_vocab()) - len(tokenizer.added_tokens_decoder) <= 1:  # T5's has a space besides
        raise DataError(
            f"{source}: no tokenizer in it (tokenizer.json): save the one that the model was trained with"
        )


def check_rows(config: Any, tokenizer: Any, source: str) -> None:
    """Raises `DataError` where a text, or its padding or end, may become a token that the model has no row for.
    Special tokens in a text are text, so others of these may be too many (CodeT5's).
    """
    special = set(tokenizer.all_special_tokens)
    used = {tokenizer.pad_token, tokenizer.bos_token, tokenizer.eos_token}
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    over = [
        token
        for token, number in tokenizer.get_vocab().items()
        if number >= config.vocab_size and (token in used or token not in special | added)
    ]
    if over:
        raise DataError(
            f"{source}: its tokenizer has tokens that the model of {config.vocab_size:,} has no row for, such as"
            f" {min(over)!r}: resize the model's embeddings, and train them"
        )
