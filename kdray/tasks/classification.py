"""Classifying code: clone detection (a pair of snippets) and vulnerability detection (one function).

An input is its snippets one after another, each with a start and an end token around it, white space as single
spaces and cut behind `max_input` tokens (CodeXGLUE's preparation). Class 1 is a clone, or vulnerable. An `Example`
holds the first snippet as its context, the other one as its focal code and the class, `0` or `1`, as its target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.corpus.example import Example
from kdray.storage import fingerprint
from kdray.tasks.row import Row
from kdray.tasks.tokenizer_kinds import model_and_trainer

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class ClassificationTask:
    """Encodes examples for one tokenizer.

    Attributes:
        tokenizer: a fast transformers tokenizer with start, pad and end tokens.
        snippets: of an input.
        max_input: tokens of a snippet at most, start and end included.
    """

    tokenizer: Any
    snippets: int
    max_input: int = 400
    encoder_decoder: bool = True
    """A class is written apart from the input, as one token out of C (see `kdray.stream.collate`)."""

    @property
    def pad_id(self) -> int:
        """The padding token."""
        return int(self.tokenizer.pad_token_id)

    @property
    def start_id(self) -> int:
        """The token that begins a snippet."""
        return int(self.tokenizer.bos_token_id)

    @property
    def end_id(self) -> int:
        """The token that ends a snippet."""
        return int(self.tokenizer.eos_token_id)

    @property
    def fingerprint(self) -> str:
        """Of the tokenizer and of the limits that shape a row."""
        limits = (self.snippets, self.max_input)
        return fingerprint(self.tokenizer.backend_tokenizer.to_str(), repr(limits))

    def encode(self, codes: Sequence[str]) -> list[Ids]:
        """The tokens of each snippet, int32 [T] with T <= `max_input`."""
        # JSON may hold half a surrogate pair, which no tokenizer takes.
        texts = [" ".join(code.encode("utf-8", "replace").decode().split()) for code in codes]
        # Code may spell a special token: there it is text.
        options = {"add_special_tokens": False, "split_special_tokens": True, "verbose": False}
        found = self.tokenizer(texts, **options)["input_ids"] if texts else []
        room = self.max_input - 2
        return [np.array([self.start_id, *ids[:room], self.end_id], np.int32) for ids in found]

    def source(self, example: Example) -> tuple[str, str]:
        """What a transformation may change: the first snippet; and no target."""
        return example.context, ""

    def changed(self, example: Example, context: str, target: str) -> Example:
        """An example with another first snippet; its class is no code and stays."""
        return replace(example, context=context)

    def prompt(self, example: Example) -> Ids:
        """The model's input for one example."""
        return np.concatenate(self.encode(self.parts(example)))

    def text(self, prompt_ids: Ids) -> str:
        """A prompt as a person reads it, an empty line between its snippets."""
        pieces = np.split(prompt_ids, np.flatnonzero(prompt_ids == self.end_id)[:-1] + 1)
        texts = [self.tokenizer.decode(piece.tolist(), skip_special_tokens=True) for piece in pieces]
        return "\n\n".join(text.strip() for text in texts)

    def parts(self, example: Example) -> tuple[str, ...]:
        """The snippets of an example."""
        return (example.context, example.focal)[: self.snippets]

    def rows(self, examples: Sequence[Example]) -> list[Row]:
        """One row an example, its one target the class."""
        return [self.answer(self.prompt(example), int(example.target), example.id) for example in examples]

    def answer(self, prompt_ids: Ids, label: int, name: str = "") -> Row:
        """The row that asks for one class."""
        return Row(name, prompt_ids, np.array([label], np.int32))


def train_code_tokenizer(texts: Any, vocab: int, kind: str = "bpe") -> Any:
    """A byte-level tokenizer with RoBERTa's special tokens: <s> 0, <pad> 1, </s> 2, <unk> 3."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers

    model, trainer = model_and_trainer(kind, vocab, ["<s>", "<pad>", "</s>", "<unk>"], "<unk>")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainer)
    return wrapped(tokenizer)


def wrapped(tokenizer: Any) -> Any:
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
