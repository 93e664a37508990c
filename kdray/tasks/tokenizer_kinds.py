"""Four ways of cutting text into pieces, behind one interface of the library `tokenizers`.

All of them work on byte-level text, where a piece keeps the space before it: what is decoded is what was encoded,
but for words that a `word` vocabulary does not hold, and a vocabulary's pieces can be looked up in another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LONGEST_WORD = 1000
"""Characters of a word that WordPiece looks at; a longer one is unknown to it."""


def model_and_trainer(kind: str, vocab: int, special: Sequence[str], unknown: str) -> tuple[Any, Any]:
    """An untrained model and its trainer.

    Args:
        kind: `bpe`, `wordpiece`, `unigram` or `word`.
        vocab: pieces at most, the special ones included; the 256 bytes are among them, but for `word`.
        special: tokens with the first ids, in order.
        unknown: the one of them that stands for what cannot be spelled.
    """
    from tokenizers import models, pre_tokenizers, trainers

    options: dict[str, Any] = {"vocab_size": vocab, "special_tokens": list(special), "show_progress": False}
    if kind == "word":
        return models.WordLevel(vocab={}, unk_token=unknown), trainers.WordLevelTrainer(**options)
    options["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
    if kind == "bpe":
        return models.BPE(), trainers.BpeTrainer(**options)
    if kind == "wordpiece":
        # No mark for what continues a word: byte-level text marks its beginning.
        model = models.WordPiece(
            vocab={}, unk_token=unknown, continuing_subword_prefix="", max_input_chars_per_word=LONGEST_WORD
        )
        return model, trainers.WordPieceTrainer(**options, continuing_subword_prefix="")
    return models.Unigram(), trainers.UnigramTrainer(**options, unk_token=unknown)
