"""A small byte-level tokenizer for source code, trained on a corpus.

Pieces never cross a newline, and a line's indentation is a piece of its own; so the tokens of a test's
beginning are a prefix of the tokens of the whole test, wherever it is cut between lines. The newline is the
end-of-sequence token: an assertion is one line. Digits stand alone, which makes numbers copyable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kdray.tasks.tokenizer_kinds import model_and_trainer

PAD, UNKNOWN, END = "<pad>", "<unk>", "\n"


def train_tokenizer(texts: Iterable[str], vocab: int, kind: str = "bpe") -> Any:
    """A `PreTrainedTokenizerFast` with at most `vocab` tokens; pad is 0 and the newline ends a sequence."""
    from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers

    model, trainer = model_and_trainer(kind, vocab, [PAD, UNKNOWN, END], UNKNOWN)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\n|(?<![^\n]) +"), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainer)
    return wrapped(tokenizer)


def wrapped(tokenizer: Any) -> Any:
    """A bare tokenizer with these special tokens as transformers has them."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )
