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

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, ClassVar

import numpy as np

from kdray.config import Encoding
from kdray.corpus.example import Example
from kdray.tasks.encode import encode_text
from kdray.tasks.form import PLAIN, Form, encode_whole, form_of, newline_ids, start_token, unused
from kdray.tasks.packing import RowBuilder, chains, repacked
from kdray.tasks.row import IGNORED, Row
from kdray.tasks.task import Ids, Task
from kdray.tasks.tokenizer import train_line_tokenizer, wrapped_for_lines

COMMENT = {"python": "# ", "java": "// ", "c": "// "}
STAND_IN = "assert"
"""What a prompt is encoded with in front of an answer that is not known yet."""
INDENTED = "\n    "
PLACE = "<ASSERT>"
"""Where the assertion belongs, in a prompt that shows what follows it."""


@dataclass(frozen=True)
class AssertionTask(Task):
    """See `Task` and the module.

    Attributes:
        tokenizer: has a pad and an end-of-sequence token.
        encoder_decoder: whether prompt and answer are two sequences.
        max_input: tokens of a prompt at most; its context is cut at the front.
        max_header: tokens of the header at most, where it holds no whole method.
        max_target: tokens of an answer at most, the end token included.
        max_row: tokens of a packed row at most (decoder-only).
        overlap: context tokens repeated at the start of a test's second and later rows (decoder-only).
        form: how an example becomes tokens.
    """

    tokenizer: Any
    encoder_decoder: bool
    max_input: int = 192
    max_header: int = 40
    max_target: int = 64
    max_row: int = 256
    overlap: int = 96
    form: Form = PLAIN
    writes: ClassVar[bool] = True
    train_tokenizer = staticmethod(train_line_tokenizer)
    wrapped = staticmethod(wrapped_for_lines)

    @classmethod
    def of(cls, name: str, tokenizer: Any, encoder_decoder: bool, encoding: Encoding) -> AssertionTask:
        """See `Task`."""
        return cls(
            tokenizer,
            encoder_decoder,
            max_input=encoding.max_input,
            max_target=encoding.max_target,
            max_row=encoding.max_row,
            overlap=encoding.max_row * 3 // 8,
            max_header=min(40, encoding.max_input // 4),
            form=form_of(encoding, tokenizer, encoder_decoder),
        )

    @staticmethod
    def corpus_texts(examples: Sequence[Example]) -> Iterable[str]:
        """One example a test, the one that has seen most of it: a test need not be read ten times."""
        last_of_tests = {(example.group, example.test): example for example in examples}
        return (
            f"{example.group}\n{example.focal}\n{example.context}{example.target}{example.after}\n"
            for example in last_of_tests.values()
        )

    @property
    def name(self) -> str:
        """See `Task`."""
        return "assertion"

    @property
    def start_id(self) -> int:
        """The token that a decoder begins with."""
        return self.pad_id

    @property
    def limits(self) -> tuple[Any, ...]:
        """See `Task`."""
        lengths = self.max_input, self.max_header, self.max_target, self.max_row, self.overlap
        plain = self.form == PLAIN
        return self.encoder_decoder, *lengths, *(() if plain else (self.form, self._start.tolist()))

    @property
    def form_fields(self) -> dict[str, Any]:
        """See `Task`."""
        return asdict(self.form)

    @property
    def form_text(self) -> str:
        """See `Task`."""
        return f"{self.form}{unused(self.tokenizer)}"

    @property
    def starts(self) -> bool:
        """See `Task`."""
        return bool(self.form.start)

    @cached_property
    def end_ids(self) -> frozenset[int]:
        """See `Task`: where the newline ends an answer, every token that has one, and the end token."""
        newlines = newline_ids(self.tokenizer) if self.form.end == "newline" else frozenset[int]()
        return newlines | {self.end_id}

    @property
    def _start(self) -> Ids:
        """The tokens that begin an input, and an encoder-decoder's answer."""
        return np.array([start_token(self.tokenizer)] if self.form.start else [], np.int32)

    @property
    def _is_whole(self) -> bool:
        return self.form.boundary == "whole"

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
        texts = [_header(example), self._rest(example), example.context]
        if self._is_whole:
            return self._prompt(example, *self._in_one_piece([*texts, STAND_IN])[:3])
        return self._prompt(example, *self._encode(texts))

    def rows(self, examples: Sequence[Example]) -> list[Row]:
        """Training rows, in the order of the examples. Answers longer than `max_target` are left out."""
        if self.encoder_decoder:
            return self._pairs(examples)
        if not self.form.is_packed:
            return [row for example in examples for row in self._pack([example])]
        return [row for chain in chains(examples) for row in self._pack(chain)]

    def answer(self, prompt_ids: Ids, output_ids: Ids, name: str = "") -> Row:
        """The row that teacher-forces `output_ids` (end token included) after a prompt."""
        if self.encoder_decoder:
            return Row(name, prompt_ids, output_ids)
        ignored = np.full(len(prompt_ids), IGNORED, np.int32)
        return Row(name, np.concatenate([prompt_ids, output_ids]), np.concatenate([ignored, output_ids]))

    def decode(self, output_ids: Ids) -> str:
        """The text of an output up to its end token, white space normalised."""
        ids = output_ids.tolist()
        if self.end_id in ids:
            ids = ids[: ids.index(self.end_id)]
        text = str(self.tokenizer.decode(ids, skip_special_tokens=True))
        line = text if self.form.end == "token" else text.partition("\n")[0]
        return " ".join(line.split())

    def overlong(self, examples: Sequence[Example]) -> int:
        """See `Task`."""
        uncut = replace(self, max_target=sys.maxsize)
        return sum(len(uncut.encode_target(example.target)) > self.max_target for example in examples)

    def unreadable(self, examples: Sequence[Example]) -> list[str]:
        """See `Task`; one too long is not cut."""
        uncut = replace(self, max_target=sys.maxsize)
        return [example.target for example in examples if not uncut._comes_back(example)]

    def _comes_back(self, example: Example) -> bool:
        wanted = " ".join(example.target.split())
        if not self._is_whole:
            return self.decode(self.encode_target(example.target)) == wanted
        texts = [_header(example), self._rest(example), example.context]
        *learnt, target = self._in_one_piece([*texts, example.target + self._line_end])
        *asked, _ = self._in_one_piece([*texts, STAND_IN])
        return self.decode(self._closed(target)) == wanted and all(map(np.array_equal, learnt, asked))

    def text(self, prompt_ids: Ids) -> str:
        """A prompt as a person reads it."""
        # The end token of our own tokenizer is the newline, which must not be lost.
        is_newline = not self.tokenizer.eos_token.strip()
        return str(self.tokenizer.decode(prompt_ids.tolist(), skip_special_tokens=not is_newline))

    def encode_target(self, text: str) -> Ids:
        """The tokens of an answer, its end included, cut to `max_target`; in a whole text, of an indented one."""
        line = text + self._line_end
        ids = self._in_one_piece([INDENTED, line, ""])[1] if self._is_whole else self._encode([line])[0]
        closed = self._closed(ids)
        return (
            closed if len(closed) <= self.max_target else np.append(closed[: self.max_target - 1], closed[-1])
        )

    @property
    def _line_end(self) -> str:
        return "" if self.form.end == "token" else "\n"

    def _closed(self, ids: Ids) -> Ids:
        """An answer's text in tokens with what begins and ends it."""
        start = self._start if self.encoder_decoder else self._start[:0]
        end = [] if self.form.end == "newline" else [self.end_id]
        return np.concatenate([start, ids, np.array(end, np.int32)])

    def row_texts(self, rows: Sequence[Row]) -> Iterator[str]:
        """See `Task`."""
        for row in rows:
            yield self.text(row.input_ids)
            if self.encoder_decoder:
                yield self.text(row.labels)

    def reread_row(self, row: Row, teacher: Task) -> Row:
        """See `Task`."""
        if self.encoder_decoder:
            input_ids = self.reread_prompt(row.input_ids, teacher)
            return Row(row.id, input_ids, self.reread_output(row.labels, teacher))
        assert isinstance(teacher, AssertionTask)  # noqa: S101 - the same task's, as `Task` says
        made = repacked(
            row,
            teacher.end_ids,
            (teacher.text, teacher.parted),
            (self._before_answer, self.encode_target),
            self.max_row - len(self._start),
        )
        labels = np.concatenate([np.full(len(self._start), IGNORED, np.int32), made.labels])
        return Row(made.id, np.concatenate([self._start, made.input_ids]), labels)

    def reread_prompt(self, prompt_ids: Ids, teacher: Task) -> Ids:
        """See `Task`: its context is cut in front, and an encoder's ends in the end token."""
        if teacher.encoder_decoder:  # its prompts end in an end token, which may be a newline
            prompt_ids = prompt_ids[:-1]
        assert isinstance(teacher, AssertionTask)  # noqa: S101 - the same task's, as `Task` says
        end = [self.end_id] if self.encoder_decoder else []
        text = teacher.text(prompt_ids)
        if teacher._is_whole and text.endswith(" "):  # the last one is the answer's
            text += teacher.parted(teacher.encode_target(STAND_IN))[0]
        room = self.max_input - len(end) - len(self._start)
        return np.concatenate([self._start, self._before_answer(text)[-room:], np.array(end, np.int32)])

    def reread_output(self, output_ids: Ids, teacher: Task) -> Ids:
        """See `Task`."""
        assert isinstance(teacher, AssertionTask)  # noqa: S101 - the same task's, as `Task` says
        return self.encode_target(teacher.parted(output_ids)[1])

    def parted(self, output_ids: Ids) -> tuple[str, str, str]:
        """The text of an output, with the white space before it and what its end has of the next line."""
        ended = np.flatnonzero(output_ids == self.end_id)
        text = self.text(output_ids[: ended[0]] if ended.size else output_ids)
        if self.form == PLAIN:
            return "", text, ""
        answer, _, trail = text.lstrip(" \t").partition("\n")
        return text[: len(text) - len(text.lstrip(" \t"))], answer, trail

    def output_length(self, text: str) -> int:
        """See `Task`."""
        return len(self.encode_target(text))

    def _encode(self, texts: Sequence[str]) -> list[Ids]:
        return [np.asarray(ids, np.int32) for ids in encode_text(self.tokenizer, texts)]

    def _before_answer(self, text: str) -> Ids:
        """The tokens of what stands before an answer."""
        return self._in_one_piece([text, STAND_IN])[0] if self._is_whole else self._encode([text])[0]

    def _in_one_piece(self, texts: Sequence[str]) -> list[Ids]:
        """Header, rest and contexts with the answers between; or a context, an answer and what follows."""
        first = 3 if len(texts) > 3 else 1
        return encode_whole(self.tokenizer, texts, frozenset(range(first, len(texts), 2)))

    def _rest(self, example: Example) -> str:
        """What follows the assertion, as a prompt shows it."""
        if not example.after:
            return ""
        return f"{PLACE}{example.after}" if self.encoder_decoder else f"{PLACE}{example.after}\n"

    def _prompt(self, example: Example, header: Ids, rest: Ids, context: Ids) -> Ids:
        header, rest, room = self._fitted(example, header, rest, len(context))
        kept = context[-room:]
        if self.encoder_decoder:
            return np.concatenate([self._start, header, kept, rest, np.asarray([self.end_id], np.int32)])
        return np.concatenate([self._start, header, rest, kept])

    def _fitted(self, example: Example, header: Ids, rest: Ids, context: int) -> tuple[Ids, Ids, int]:
        """Header and rest as far as there is room for them, and the room that is left for the context."""
        room = self.max_input - int(self.encoder_decoder) - len(self._start)
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
            Row(example.id, self._prompt(example, header, rest, context), closed)
            for example, header, rest, context, target in zip(
                examples, headers, rests, contexts, targets, strict=True
            )
            if len(closed := self._closed(target)) <= self.max_target
        ]

    def _pack(self, chain: Sequence[Example]) -> Iterator[Row]:
        """Rows of one test whose assertions follow one another."""
        first = chain[0]
        texts = [_header(first), self._rest(first), first.context]
        for before, after in pairwise(chain):
            texts += [
                before.target + self._line_end,
                after.context[len(before.context) + len(before.target) + 1 :],
            ]
        texts.append(chain[-1].target + self._line_end)
        encoded = self._in_one_piece(texts) if self._is_whole else self._encode(texts)
        header, rest, room = self._fitted(first, encoded[0], encoded[1], len(encoded[2]))
        contexts, targets = encoded[2::2], encoded[3::2]
        builder = RowBuilder(np.concatenate([header, rest]), self.max_row, room, self._start)
        for example, context, target in zip(chain, contexts, targets, strict=True):
            closed = self._closed(target)
            if builder.full(len(context) + len(closed)):
                yield builder.row()
                builder.restart(self.overlap)
            builder.add(example.id, context, closed, is_target=len(closed) <= self.max_target)
        if builder.has_target:
            yield builder.row()


def _header(example: Example) -> str:
    """The file's name and a signature as comments, a whole method as it stands. A group without an ending is no
    file's name.
    """
    mark = COMMENT[example.language]
    name = f"{mark}{example.group}\n" if PurePosixPath(example.group).suffix else ""
    if not example.focal:
        return name
    return f"{name}{example.focal}\n" if "\n" in example.focal else f"{name}{mark}{example.focal}\n"
