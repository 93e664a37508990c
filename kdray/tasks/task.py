"""What every task can be asked. A new one implements this and is named in `kdray.tasks`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kdray.config import Encoding, accuracy_of
from kdray.corpus.example import Example
from kdray.storage import fingerprint
from kdray.tasks.row import Row

Ids = NDArray[np.int32]


class Task(ABC):
    """Encodes examples for one tokenizer, and reads what a model says.

    What a model says is an *output*: the tokens of a text with its end token, or one class.

    Attributes:
        tokenizer: a fast transformers tokenizer.
        encoder_decoder: whether prompt and output are two sequences.
        max_target: of an output's numbers at most, the end token included.
        writes: whether an output is text in the tokenizer's tokens, and so the teacher's signal over these. Else
            it is a class, the same under every tokenizer.
    """

    tokenizer: Any
    encoder_decoder: bool
    max_target: int
    writes: ClassVar[bool]

    @classmethod
    @abstractmethod
    def of(cls, name: str, tokenizer: Any, encoder_decoder: bool, encoding: Encoding) -> Task:
        """The task of that name within the limits that a trial sets."""

    @staticmethod
    @abstractmethod
    def train_tokenizer(texts: Iterable[str], vocab: int, kind: str = "bpe") -> Any:
        """A tokenizer with at most `vocab` tokens and the special ones that the task needs."""

    @staticmethod
    @abstractmethod
    def wrapped(tokenizer: Any) -> Any:
        """A bare tokenizer of `train_tokenizer` as transformers has it."""

    @staticmethod
    @abstractmethod
    def corpus_texts(examples: Sequence[Example]) -> Iterable[str]:
        """What a tokenizer for a corpus is trained on."""

    @property
    @abstractmethod
    def name(self) -> str:
        """As sweep files name it."""

    @property
    def accuracy(self) -> str:
        """The name of the metric that says how often a model is right."""
        return accuracy_of(self.name)

    @property
    def pad_id(self) -> int:
        """The padding token."""
        return int(self.tokenizer.pad_token_id)

    @cached_property
    def vocab(self) -> int:
        """How many ids, from 0 on, are tokens: a model's embedding may have more rows."""
        return int(max(self.tokenizer.get_vocab().values())) + 1

    @property
    @abstractmethod
    def start_id(self) -> int:
        """The token that a decoder, or a snippet, begins with."""

    @property
    def end_id(self) -> int:
        """The token that ends an answer, or a snippet."""
        return int(self.tokenizer.eos_token_id)

    @property
    def end_ids(self) -> frozenset[int]:
        """Every token after which an answer is over."""
        return frozenset({self.end_id})

    @property
    def form_fields(self) -> dict[str, Any]:
        """How an example becomes tokens, as `kdray.json` keeps it; nothing where there is one way only."""
        return {}

    @property
    def form_text(self) -> str:
        """The same for a reader, "" where there is one way only."""
        return ""

    @property
    def starts(self) -> bool:
        """Whether inputs begin with a start token, which must not be cut off."""
        return False

    def overlong(self, examples: Sequence[Example]) -> int:
        """How many answers are longer than `max_target`, which leaves them out of training rows."""
        return 0

    def unreadable(self, examples: Sequence[Example]) -> list[str]:
        """Answers that do not come back from their tokens, or are not asked for as they are learnt."""
        return []

    @property
    @abstractmethod
    def limits(self) -> tuple[Any, ...]:
        """What shapes a row beside the tokenizer."""

    @property
    def fingerprint(self) -> str:
        """Of the tokenizer and of the limits that shape a row."""
        return fingerprint(self.tokenizer.backend_tokenizer.to_str(), repr(self.limits))

    @abstractmethod
    def source(self, example: Example) -> tuple[str, str]:
        """What a transformation may change: code; and what belongs to it, where names are renamed along."""

    @abstractmethod
    def changed(self, example: Example, context: str, target: str) -> Example:
        """An example with another source (see `source`)."""

    @abstractmethod
    def prompt(self, example: Example) -> Ids:
        """The model's input for one example, int32 [T]."""

    @abstractmethod
    def rows(self, examples: Sequence[Example]) -> list[Row]:
        """Training rows, in the order of the examples."""

    @abstractmethod
    def answer(self, prompt_ids: Ids, output_ids: Ids, name: str = "") -> Row:
        """The row that teacher-forces an output after a prompt."""

    @abstractmethod
    def decode(self, output_ids: Ids) -> str:
        """An output as text, comparable with an example's target."""

    @abstractmethod
    def text(self, prompt_ids: Ids) -> str:
        """A prompt as a person reads it."""

    @abstractmethod
    def row_texts(self, rows: Sequence[Row]) -> Iterator[str]:
        """The texts in rows: what a tokenizer for them is trained on."""

    @abstractmethod
    def reread_row(self, row: Row, teacher: Task) -> Row:
        """A row in `teacher`'s tokens, the same task's with another tokenizer, in this tokenizer's."""

    @abstractmethod
    def reread_prompt(self, prompt_ids: Ids, teacher: Task) -> Ids:
        """A prompt in `teacher`'s tokens in this tokenizer's."""

    @abstractmethod
    def reread_output(self, output_ids: Ids, teacher: Task) -> Ids:
        """An output in `teacher`'s tokens in this tokenizer's."""

    @abstractmethod
    def output_length(self, text: str) -> int:
        """How many numbers an output takes, its end token included."""
