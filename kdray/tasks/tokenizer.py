"""A small byte-level BPE for source code, trained on a corpus.

Pieces never cross a newline, and a line's indentation is a piece of its own; so the tokens of a test's
beginning are a prefix of the tokens of the whole test, wherever it is cut between lines. The newline is the
end-of-sequence token: an assertion is one line. Digits stand alone, which makes numbers copyable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

PAD, UNKNOWN, END = "<pad>", "<unk>", "\n"


def train_tokenizer(texts: Iterable[str], vocab: int) -> Any:
    """A `PreTrainedTokenizerFast` with at most `vocab` tokens; pad is 0 and the newline ends a sequence."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\n|(?<![^\n]) +"), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=[PAD, UNKNOWN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )
