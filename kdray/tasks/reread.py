"""What one tokenizer wrote, read with another: a student with a tokenizer of its own reads its teacher's shards.

Rows and prompts are turned into text and encoded again, so a trial needs nothing but the shards and the suite.
What the teacher cut off stays cut off; what is too long in the student's tokens is cut as its task cuts: a snippet
behind, the context of an assertion in front.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.tasks import AnyTask
from kdray.tasks.assertion import AssertionTask
from kdray.tasks.classification import ClassificationTask
from kdray.tasks.encode import encode_text
from kdray.tasks.row import IGNORED, Row

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Reread:
    """From a teacher's tokens to a student's.

    Attributes:
        teacher: the task with the teacher's tokenizer.
        student: the same task with the student's.
    """

    teacher: AnyTask
    student: AnyTask

    def row(self, row: Row) -> Row:
        """A row of shards in the student's tokens."""
        if isinstance(self.student, ClassificationTask):
            return replace(row, input_ids=self.prompt(row.input_ids))
        if self.student.encoder_decoder:
            return Row(row.id, self.prompt(row.input_ids), self.answer(row.labels))
        return self._packed(row)

    def prompt(self, ids: Ids) -> Ids:
        """A prompt in the student's tokens."""
        if isinstance(self.student, ClassificationTask):
            return np.concatenate(self.student.encode(snippets(self.teacher, ids)))
        if self.teacher.encoder_decoder:  # its prompts end in an end token, which may be a newline
            ids = ids[:-1]
        return self._closed(self._encode(text(self.teacher, ids)))

    def answer(self, ids: Ids) -> Ids:
        """An answer in the student's tokens, its end token included."""
        assert isinstance(self.student, AssertionTask)  # noqa: S101 - only what writes has answers
        return self.student.encode_target(text(self.teacher, _before(ids, self.teacher.end_id)))

    def teacher_length(self, answer: str) -> int:
        """How many tokens an answer takes the teacher, its end token included."""
        assert isinstance(self.teacher, AssertionTask)  # noqa: S101 - only what writes has answers
        return len(self.teacher.encode_target(answer))

    def _encode(self, one: str) -> Ids:
        return np.asarray(encode_text(self.student.tokenizer, [one])[0], np.int32)

    def _closed(self, ids: Ids) -> Ids:
        """The end of a prompt, with an encoder's end token."""
        assert isinstance(self.student, AssertionTask)  # noqa: S101 - a classifier's prompt is made of snippets
        end = [self.student.end_id] if self.student.encoder_decoder else []
        return np.concatenate([ids[-(self.student.max_input - len(end)) :], np.array(end, np.int32)])

    def _packed(self, row: Row) -> Row:
        """A decoder's row piece by piece: what stands between targets, and each target."""
        assert isinstance(self.student, AssertionTask)  # noqa: S101 - a classifier packs nothing
        ids: list[Ids] = []
        labels: list[Ids] = []
        for piece, is_target in _pieces(row, self.teacher.end_id):
            new = self.answer(piece) if is_target else self._encode(text(self.teacher, piece))
            ids.append(new)
            labels.append(new if is_target else np.full(len(new), IGNORED, np.int32))
        whole, told = np.concatenate(ids), np.concatenate(labels)
        first = int(np.flatnonzero(told != IGNORED)[0])
        cut = min(max(0, len(whole) - self.student.max_row), max(0, first - 1))
        return Row(row.id, whole[cut:], told[cut:])


def shortened(row: Row, max_input: int, encoder_decoder: bool) -> Row:
    """A writer's row with the last `max_input` tokens of what stands before its first target."""
    if encoder_decoder:
        return replace(row, input_ids=row.input_ids[-max_input:])
    cut = max(0, int(np.flatnonzero(row.labels != IGNORED)[0]) - max_input)
    return replace(row, input_ids=row.input_ids[cut:], labels=row.labels[cut:])


def text(task: AnyTask, ids: Ids) -> str:
    """Tokens as text; special tokens are left out, but for an end token that is a newline."""
    is_newline = not task.tokenizer.eos_token.strip()
    return str(task.tokenizer.decode(ids.tolist(), skip_special_tokens=not is_newline))


def snippets(task: AnyTask, ids: Ids) -> list[str]:
    """The code of each snippet of a classifier's input."""
    parts = np.split(ids, np.flatnonzero(ids == task.end_id)[:-1] + 1)
    return [text(task, part) for part in parts]


def texts(task: AnyTask, rows: Sequence[Row]) -> Iterator[str]:
    """What a tokenizer for these rows is trained on."""
    for row in rows:
        if isinstance(task, ClassificationTask):
            yield from snippets(task, row.input_ids)
        else:
            yield text(task, row.input_ids)
            if task.encoder_decoder:
                yield text(task, row.labels)


def _before(ids: Ids, end_id: int) -> Ids:
    ended = np.flatnonzero(ids == end_id)
    return ids[: ended[0]] if ended.size else ids


def _pieces(row: Row, end_id: int) -> Iterator[tuple[Ids, bool]]:
    """Runs of context and single targets, in order."""
    is_target = row.labels != IGNORED
    borders = np.flatnonzero(np.diff(is_target.astype(np.int8))) + 1
    ends = np.flatnonzero(is_target & (row.input_ids == end_id)) + 1
    cuts = sorted({*borders.tolist(), *ends.tolist()} - {len(is_target)})
    for ids, told in zip(np.split(row.input_ids, cuts), np.split(is_target, cuts), strict=True):
        if len(ids):
            yield ids, bool(told[0])


def train_like(task: AnyTask, kind: str, vocab: int, rows: Sequence[Row]) -> Any:
    """A tokenizer of another kind for a task, trained on what these rows say."""
    from kdray.tasks.classification import train_code_tokenizer
    from kdray.tasks.tokenizer import train_tokenizer

    train = train_code_tokenizer if isinstance(task, ClassificationTask) else train_tokenizer
    return train(texts(task, rows), vocab, kind)
