"""Classifying code: clone detection (a pair of snippets) and vulnerability detection (one function).

An input is its snippets one after another, each with a start and an end token around it, white space as single
spaces and cut behind `max_input` tokens (CodeXGLUE's preparation). Class 1 is a clone, or vulnerable. An `Example`
holds the first snippet as its context, the other one as its focal code and the class, `0` or `1`, as its target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from kdray.config import SNIPPETS, Encoding
from kdray.corpus.example import Example
from kdray.tasks.row import Row
from kdray.tasks.task import Ids, Task
from kdray.tasks.tokenizer import train_code_tokenizer, wrapped_for_code


@dataclass(frozen=True)
class ClassificationTask(Task):
    """See `Task` and the module.

    Attributes:
        tokenizer: has start, pad and end tokens.
        snippets: of an input.
        max_input: tokens of a snippet at most, start and end included.
        encoder_decoder: a class is written apart from the input, as one token out of C (see
            `kdray.stream.collate`).
    """

    tokenizer: Any
    snippets: int
    max_input: int = 400
    encoder_decoder: bool = True
    max_target: int = field(default=1, init=False)
    writes: ClassVar[bool] = False
    train_tokenizer = staticmethod(train_code_tokenizer)
    wrapped = staticmethod(wrapped_for_code)

    @classmethod
    def of(cls, name: str, tokenizer: Any, encoder_decoder: bool, encoding: Encoding) -> ClassificationTask:
        """See `Task`."""
        return cls(tokenizer, SNIPPETS[name], encoding.max_input)

    @staticmethod
    def corpus_texts(examples: Sequence[Example]) -> Iterable[str]:
        """Every distinct snippet."""
        return {code: None for example in examples for code in (example.context, example.focal) if code}

    @property
    def name(self) -> str:
        """The task whose inputs have so many snippets."""
        return next(name for name, snippets in SNIPPETS.items() if snippets == self.snippets)

    @property
    def start_id(self) -> int:
        """The token that begins a snippet."""
        return int(self.tokenizer.bos_token_id)

    @property
    def limits(self) -> tuple[Any, ...]:
        """See `Task`."""
        return self.snippets, self.max_input

    def encode(self, codes: Sequence[str]) -> list[Ids]:
        """The tokens of each snippet, int32 [T] with T <= `max_input`."""
        # JSON may hold half a surrogate pair, which no tokenizer takes.
        texts = [" ".join(code.encode("utf-8", "replace").decode().split()) for code in codes]
        # Code may spell a special token: there it is text.
        options = {"add_special_tokens": False, "split_special_tokens": True, "verbose": False}
        encoded = self.tokenizer(texts, **options)["input_ids"] if texts else []
        room = self.max_input - 2
        return [np.array([self.start_id, *ids[:room], self.end_id], np.int32) for ids in encoded]

    def source(self, example: Example) -> tuple[str, str]:
        """What a transformation may change: the first snippet; and no target."""
        return example.context, ""

    def changed(self, example: Example, context: str, target: str) -> Example:
        """An example with another first snippet; its class is no code and stays."""
        return replace(example, context=context)

    def parts(self, example: Example) -> tuple[str, ...]:
        """The snippets of an example."""
        return (example.context, example.focal)[: self.snippets]

    def prompt(self, example: Example) -> Ids:
        """The model's input for one example."""
        return np.concatenate(self.encode(self.parts(example)))

    def rows(self, examples: Sequence[Example]) -> list[Row]:
        """One row an example, its one target the class."""
        return [
            self.answer(self.prompt(example), np.array([int(example.target)], np.int32), example.id)
            for example in examples
        ]

    def answer(self, prompt_ids: Ids, output_ids: Ids, name: str = "") -> Row:
        """The row that asks for one class."""
        return Row(name, prompt_ids, output_ids)

    def decode(self, output_ids: Ids) -> str:
        """A class as its number."""
        return str(int(output_ids[0]))

    def text(self, prompt_ids: Ids) -> str:
        """A prompt as a person reads it, an empty line between its snippets."""
        return "\n\n".join(snippet.strip() for snippet in self._snippets(prompt_ids))

    def row_texts(self, rows: Sequence[Row]) -> Iterator[str]:
        """The snippets."""
        for row in rows:
            yield from self._snippets(row.input_ids)

    def reread_row(self, row: Row, teacher: Task) -> Row:
        """See `Task`: its class is the same."""
        return replace(row, input_ids=self.reread_prompt(row.input_ids, teacher))

    def reread_prompt(self, prompt_ids: Ids, teacher: Task) -> Ids:
        """See `Task`: each snippet is cut behind."""
        asked = self.answer(prompt_ids, np.empty(0, np.int32))
        return np.concatenate(self.encode(list(teacher.row_texts([asked]))))

    def reread_output(self, output_ids: Ids, teacher: Task) -> Ids:
        """The class, which is the same."""
        return output_ids

    def output_length(self, text: str) -> int:
        """A class is one number."""
        return 1

    def _snippets(self, prompt_ids: Ids) -> list[str]:
        """The code of each snippet of an input."""
        parts = np.split(prompt_ids, np.flatnonzero(prompt_ids == self.end_id)[:-1] + 1)
        return [str(self.tokenizer.decode(part.tolist(), skip_special_tokens=True)) for part in parts]
