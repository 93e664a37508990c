"""Small byte-level tokenizers for source code, trained on what they are to read, in two layouts.

For assertions (`train_line_tokenizer`) tokens never cross a newline, and a line's indentation is a token of its
own; so the tokens of a test's beginning are a prefix of the tokens of the whole test, wherever it is cut between
lines. The newline is the end-of-sequence token: an assertion is one line. Digits stand alone, which makes numbers
copyable. For classifiers (`train_code_tokenizer`) the special tokens are RoBERTa's.

Text is cut in one of four ways, behind one interface of the library `tokenizers`. All of them work on byte-level
text, where a token keeps the space before it: what is decoded is what was encoded, but for words that a `word`
vocabulary does not hold, and a vocabulary's tokens can be looked up in another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

PAD, UNKNOWN, END = "<pad>", "<unk>", "\n"
LONGEST_WORD = 1000
"""Characters of a word that WordPiece looks at; a longer one is unknown to it."""


def train_line_tokenizer(texts: Iterable[str], vocab: int, kind: str = "bpe") -> Any:
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
    return wrapped_for_lines(tokenizer)


def wrapped_for_lines(tokenizer: Any) -> Any:
    """A bare tokenizer with these special tokens as transformers has them."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )


def train_code_tokenizer(texts: Iterable[str], vocab: int, kind: str = "bpe") -> Any:
    """A byte-level tokenizer with RoBERTa's special tokens: <s> 0, <pad> 1, </s> 2, <unk> 3."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers

    model, trainer = model_and_trainer(kind, vocab, ["<s>", "<pad>", "</s>", "<unk>"], "<unk>")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainer)
    return wrapped_for_code(tokenizer)


def wrapped_for_code(tokenizer: Any) -> Any:
    """A bare tokenizer with RoBERTa's special tokens as transformers has them."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",  # noqa: S106 - no password
        pad_token="<pad>",  # noqa: S106 - no password
        eos_token="</s>",  # noqa: S106 - no password
        unk_token="<unk>",  # noqa: S106 - no password
        clean_up_tokenization_spaces=False,
    )


def model_and_trainer(kind: str, vocab: int, special: Sequence[str], unknown: str) -> tuple[Any, Any]:
    """An untrained model and its trainer.

    Args:
        kind: `bpe`, `wordpiece`, `unigram` or `word`.
        vocab: tokens at most, the special ones included; the 256 bytes are among them, but for `word`.
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
