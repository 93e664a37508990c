"""Assertion generation: a test without its assertion in, the assertion out.

The prompt is a header (the file's name and the code under test) and the end of the context. What follows the
assertion, where an example has it, stands behind the context and the mark `<ASSERT>` for an encoder-decoder, and
before the context for a decoder-only model, which writes on where the context ends (suffix, prefix, middle:
Bavarian et al., arXiv:2207.14255). A method under test may take what the test leaves, and half the prompt at
least; what follows, what the context leaves, and a quarter at least.

A decoder-only model reads whole tests: one row holds as many assertions of a test as fit, each predicted from
all that stands before it, which teaches several times more per token than a row per assertion. An
encoder-decoder has one row per assertion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.corpus.example import Example
from kdray.storage import fingerprint
from kdray.tasks.encode import encode_text
from kdray.tasks.row import IGNORED, Row

Ids = NDArray[np.int32]
COMMENT = {"python": "# ", "java": "// ", "c": "// "}
PLACE = "<ASSERT>"
"""Where the assertion belongs, in a prompt that shows what follows it."""


@dataclass(frozen=True)
class AssertionTask:
    """Encodes examples for one tokenizer.

    Attributes:
        tokenizer: a fast transformers tokenizer with a pad and an end-of-sequence token.
        encoder_decoder: whether prompt and answer are two sequences.
        max_input: tokens of a prompt at most; its context is cut at the front.
        max_header: tokens of the header at most, where it holds no whole method.
        max_target: tokens of an answer at most, the end token included.
        max_row: tokens of a packed row at most (decoder-only).
        overlap: context tokens repeated at the start of a test's second and later rows (decoder-only).
    """

    tokenizer: Any
    encoder_decoder: bool
    max_input: int = 192
    max_header: int = 40
    max_target: int = 64
    max_row: int = 256
    overlap: int = 96

    @property
    def pad_id(self) -> int:
        """The padding token."""
        return int(self.tokenizer.pad_token_id)

    @property
    def start_id(self) -> int:
        """The token that a decoder begins with."""
        return self.pad_id

    @property
    def end_id(self) -> int:
        """The token that ends an answer."""
        return int(self.tokenizer.eos_token_id)

    @property
    def _end(self) -> np.int32:
        return np.int32(self.end_id)

    @property
    def fingerprint(self) -> str:
        """Of the tokenizer and of the limits that shape a row."""
        limits = (
            self.encoder_decoder,
            self.max_input,
            self.max_header,
            self.max_target,
            self.max_row,
            self.overlap,
        )
        return fingerprint(self.tokenizer.backend_tokenizer.to_str(), repr(limits))

    def source(self, example: Example) -> tuple[str, str]:
        """What a transformation may change: the context; and the target with what follows, where names are
        renamed along.
        """
        return example.context, example.target + example.after

    def changed(self, example: Example, context: str, target: str) -> Example:
        """An example with another source (see `source`)."""
        line, newline, after = target.partition("\n")
        return replace(example, context=context, target=line, after=newline + after)

    def prompt(self, example: Example) -> Ids:
        """The model's input for one example, int32 [T] with T <= `max_input`."""
        return self._prompt(example, *self._encode([_header(example), self._rest(example), example.context]))

    def rows(self, examples: Sequence[Example]) -> list[Row]:
        """Training rows, in the order of the examples. Answers longer than `max_target` are left out."""
        if self.encoder_decoder:
            return self._pairs(examples)
        return [row for chain in _chains(examples) for row in self._pack(chain)]

    def answer(self, prompt_ids: Ids, output_ids: Ids) -> Row:
        """The row that teacher-forces `output_ids` (end token included) after a prompt."""
        if self.encoder_decoder:
            return Row("", prompt_ids, output_ids)
        ignored = np.full(len(prompt_ids), IGNORED, np.int32)
        return Row("", np.concatenate([prompt_ids, output_ids]), np.concatenate([ignored, output_ids]))

    def decode(self, output_ids: Ids) -> str:
        """The text of an output up to its end token, white space normalised."""
        ids = output_ids.tolist()
        if self.end_id in ids:
            ids = ids[: ids.index(self.end_id)]
        return " ".join(self.tokenizer.decode(ids, skip_special_tokens=True).split())

    def text(self, prompt_ids: Ids) -> str:
        """A prompt as a person reads it."""
        # The end token of our own tokenizer is the newline, which must not be lost.
        is_newline = not self.tokenizer.eos_token.strip()
        return str(self.tokenizer.decode(prompt_ids.tolist(), skip_special_tokens=not is_newline))

    def encode_target(self, text: str) -> Ids:
        """The tokens of an answer, end token included, cut to `max_target`."""
        (ids,) = self._encode([text])
        return np.append(ids[: self.max_target - 1], np.int32(self.end_id))

    def _encode(self, texts: Sequence[str]) -> list[Ids]:
        return [np.asarray(ids, np.int32) for ids in encode_text(self.tokenizer, texts)]

    def _rest(self, example: Example) -> str:
        """What follows the assertion, as a prompt shows it."""
        if not example.after:
            return ""
        return f"{PLACE}{example.after}" if self.encoder_decoder else f"{PLACE}{example.after}\n"

    def _prompt(self, example: Example, header: Ids, rest: Ids, context: Ids) -> Ids:
        header, rest, room = self._fitted(example, header, rest, len(context))
        kept = context[-room:]
        if self.encoder_decoder:
            return np.concatenate([header, kept, rest, np.asarray([self.end_id], np.int32)])
        return np.concatenate([header, rest, kept])

    def _fitted(self, example: Example, header: Ids, rest: Ids, context: int) -> tuple[Ids, Ids, int]:
        """Header and rest as far as there is room for them, and the room that is left for the context."""
        room = self.max_input - int(self.encoder_decoder)
        whole_method = "\n" in example.focal
        header = header[: max(room // 2, room - len(rest) - context) if whole_method else self.max_header]
        room -= len(header)
        limit = max(room // 4, room - context)
        if len(rest) > limit:  # its last token stays: it ends the line
            rest = np.concatenate([rest[: limit - 1], rest[-1:]])
        return header, rest, max(1, room - len(rest))

    def _pairs(self, examples: Sequence[Example]) -> list[Row]:
        if not examples:
            return []
        headers = self._encode([_header(example) for example in examples])
        rests = self._encode([self._rest(example) for example in examples])
        contexts = self._encode([example.context for example in examples])
        targets = self._encode([example.target for example in examples])
        return [
            Row(example.id, self._prompt(example, header, rest, context), np.append(target, self._end))
            for example, header, rest, context, target in zip(
                examples, headers, rests, contexts, targets, strict=True
            )
            if len(target) < self.max_target
        ]

    def _pack(self, chain: Sequence[Example]) -> Iterator[Row]:
        """Rows of one test whose assertions follow one another."""
        first = chain[0]
        pieces = [_header(first), self._rest(first), first.context]
        for before, after in pairwise(chain):
            pieces += [before.target, after.context[len(before.context) + len(before.target) + 1 :]]
        encoded = self._encode([*pieces, chain[-1].target])
        header, rest, room = self._fitted(first, encoded[0], encoded[1], len(encoded[2]))
        parts = encoded[2:]
        builder = _RowBuilder(np.concatenate([header, rest]), self.max_row, room)
        for example, context, target in zip(chain, parts[0::2], parts[1::2], strict=True):
            closed = np.append(target, self._end)
            if builder.full(len(context) + len(closed)):
                yield builder.row()
                builder.restart(self.overlap)
            builder.add(example.id, context, closed, is_target=len(closed) <= self.max_target)
        if builder.has_target:
            yield builder.row()


class _RowBuilder:
    """Collects context and targets of one test until a row is full."""

    def __init__(self, header: Ids, max_row: int, max_context: int) -> None:
        self._header, self._max_row, self._max_context = header, max_row, max_context
        self._ids: list[Ids] = []
        self._labels: list[Ids] = []
        self._id = ""

    @property
    def has_target(self) -> bool:
        return bool(self._id)

    @property
    def _length(self) -> int:
        return sum(len(ids) for ids in self._ids)

    def full(self, more: int) -> bool:
        """Whether `more` tokens no longer fit; a row without a target yet is never full: its context is cut
        instead.
        """
        return self.has_target and len(self._header) + self._length + more > self._max_row

    def add(self, example_id: str, context: Ids, target: Ids, is_target: bool) -> None:
        self._ids.append(context)
        self._labels.append(np.full(len(context), IGNORED, np.int32))
        if not self.has_target:
            room = self._max_row - len(self._header) - len(target)
            self._cut(max(1, min(self._max_context, room)))
        self._ids.append(target)
        self._labels.append(target if is_target else np.full(len(target), IGNORED, np.int32))
        if is_target and not self.has_target:
            self._id = example_id

    def _cut(self, limit: int) -> None:
        self._ids = [np.concatenate(self._ids)[-limit:]]
        self._labels = [np.concatenate(self._labels)[-limit:]]

    def restart(self, overlap: int) -> None:
        """Begins the test's next row with the end of this one as context."""
        self._cut(overlap)
        self._labels = [np.full(len(self._ids[0]), IGNORED, np.int32)]
        self._id = ""

    def row(self) -> Row:
        header_labels = np.full(len(self._header), IGNORED, np.int32)
        # A header that leaves no room for context and target is cut itself.
        return Row(
            self._id,
            np.concatenate([self._header, *self._ids])[-self._max_row :],
            np.concatenate([header_labels, *self._labels])[-self._max_row :],
        )


def _header(example: Example) -> str:
    """The file's name and a signature as comments, a whole method as it stands. A group without an ending is no
    file's name.
    """
    mark = COMMENT[example.language]
    name = f"{mark}{example.group}\n" if PurePosixPath(example.group).suffix else ""
    if not example.focal:
        return name
    return f"{name}{example.focal}\n" if "\n" in example.focal else f"{name}{mark}{example.focal}\n"


def _chains(examples: Sequence[Example]) -> Iterator[list[Example]]:
    """Runs of examples of one test in which each context continues the one before."""
    chain: list[Example] = []
    for example in examples:
        if chain and not _continues(chain[-1], example):
            yield chain
            chain = []
        chain.append(example)
    if chain:
        yield chain


def _continues(before: Example, after: Example) -> bool:
    same_test = (before.group, before.test, before.focal) == (after.group, after.test, after.focal)
    return same_test and after.context.startswith(f"{before.context}{before.target}\n")
