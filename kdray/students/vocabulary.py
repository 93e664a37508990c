"""A vocabulary that is not the teacher's: a student's tokenizer, its embeddings, and the shards as it reads them.

The tokenizer is trained on what the shards hold. The embeddings are the teacher's: a token that the teacher knows
too takes its row, any other the mean of the rows of the teacher's tokens that spell it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdray.config import Trial
from kdray.corpus.sample import evenly
from kdray.storage import exists, join, read_bytes, read_json, write_once
from kdray.stream import RowSource
from kdray.tasks import Task, task_class
from kdray.tasks.reread import Reread, shortened
from kdray.tasks.row import Row
from kdray.teacher.manifest import Manifest
from kdray.teacher.shards import ShardSource
from kdray.teacher.signal import TeacherSignal

KEPT = "students"
"""Folder beside the shards with what trials made of them and use again."""
TRAINED_ON_ROWS = 4096
"""Rows of the shards, evenly spaced, that a tokenizer is trained on."""
ROLES = ("pad_token", "bos_token", "eos_token", "unk_token")


def embedding_rows(shards: str, manifest: Manifest) -> int:
    """Rows of the embedding of students of these shards: the `vocab` of the stored logits; where these are of
    classes, the teacher's own vocabulary.
    """
    if task_class(manifest.task).writes:
        return manifest.vocab
    return int(read_json(join(shards, "teacher", "config.json"))["vocab_size"])


def own_tokenizer(trial: Trial, shards: ShardSource, teacher_task: Task) -> Any:
    """The tokenizer that a student asks for, from beside the shards; trained, and kept there, where there is none.

    Args:
        trial: names kind and size, and the shards.
        shards: what it is trained on.
        teacher_task: the task with the teacher's tokenizer.
    """
    from tokenizers import Tokenizer

    student = trial.student
    assert trial.shards is not None and student.vocab is not None  # noqa: S101 - the trial was validated
    place = join(trial.shards, KEPT, f"{student.tokenizer}-{student.vocab}.json")
    if not exists(place):
        texts = teacher_task.row_texts(_sample(shards))
        trained = teacher_task.train_tokenizer(texts, student.vocab, student.tokenizer)
        with contextlib.suppress(OSError):  # shards that may only be read
            write_once(place, trained.backend_tokenizer.to_str())
        if not exists(place):
            return trained
    return teacher_task.wrapped(Tokenizer.from_str(read_bytes(place).decode()))


def _sample(shards: ShardSource) -> list[Row]:
    rows, _ = shards.take(evenly(len(shards), TRAINED_ON_ROWS))
    return rows


def spelled(student: Any, teacher: Any) -> dict[int, list[int]]:
    """Each of the student's ids -> the teacher's ids for it; an id that the teacher cannot spell is left out.

    Args:
        student: a fast tokenizer.
        teacher: another one.
    """
    known, roles = teacher.get_vocab(), {}
    for role in ROLES:
        ours, theirs = getattr(student, role), getattr(teacher, role)
        if ours is not None and theirs is not None:
            roles[ours] = known[theirs]
    spelling: dict[int, list[int]] = {}
    decode = student.backend_tokenizer.decoder.decode
    for token, number in student.get_vocab().items():
        if token in roles:
            ids = [roles[token]]
        elif token in known:
            ids = [known[token]]
        else:
            ids = teacher(decode([token]), add_special_tokens=False, verbose=False)["input_ids"]
        if ids:
            spelling[number] = list(ids)
    return spelling


def carried_over(table_VD: Tensor, own_WD: Tensor, spelling: dict[int, list[int]]) -> Tensor:
    """The student's table [W, D] out of the teacher's [V, D]; what nothing spells stays as `own_WD` has it."""
    carried_WD = own_WD.detach().clone()
    for number, ids in spelling.items():
        carried_WD[number] = table_VD[torch.tensor(ids)].float().mean(0)
    return carried_WD


@dataclass(frozen=True)
class RereadSource:
    """Shards in a student's tokens. A signal over classes comes along, one over tokens does not."""

    shards: ShardSource
    reread: Reread

    def lengths(self) -> NDArray[np.int32]:
        """Lengths in the teacher's tokens, near enough to batch rows of like length."""
        return self.shards.lengths()

    def take(self, numbers: Sequence[int]) -> tuple[list[Row], TeacherSignal | None]:
        """See `RowSource`."""
        rows, signal = self.shards.take(numbers)
        return [self.reread.row(row) for row in rows], None if self.reread.student.writes else signal


@dataclass(frozen=True)
class ShortSource:
    """Rows of another source with shorter prompts."""

    rows: RowSource
    max_input: int
    encoder_decoder: bool

    def lengths(self) -> NDArray[np.int32]:
        """Lengths before anything is cut, near enough to batch rows of like length."""
        return self.rows.lengths()

    def take(self, numbers: Sequence[int]) -> tuple[list[Row], TeacherSignal | None]:
        """See `RowSource`."""
        rows, signal = self.rows.take(numbers)
        return [shortened(row, self.max_input, self.encoder_decoder) for row in rows], signal
