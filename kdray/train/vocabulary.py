"""A student's own tokenizer, and the shards as it reads them: in other tokens, or less of each prompt."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.config import SNIPPETS, Trial
from kdray.storage import exists, join, read_bytes, write_once
from kdray.stream import RowSource
from kdray.tasks import AnyTask
from kdray.tasks.classification import wrapped as wrapped_for_code
from kdray.tasks.reread import Reread, shortened, train_like
from kdray.tasks.row import Row
from kdray.tasks.tokenizer import wrapped
from kdray.teacher.shards import ShardSource
from kdray.teacher.signal import TeacherSignal

KEPT = "students"
"""Folder beside the shards with what trials made of them and use again."""
TRAINED_ON_ROWS = 4096
"""Rows of the shards, evenly spaced, that a tokenizer is trained on."""


def own_tokenizer(trial: Trial, shards: ShardSource, told: AnyTask) -> Any:
    """The tokenizer that a student asks for, from beside the shards; trained, and kept there, where there is none.

    Args:
        trial: names kind and size, and the shards.
        shards: what it is trained on.
        told: the task with the teacher's tokenizer.
    """
    from tokenizers import Tokenizer

    student = trial.student
    assert trial.shards is not None and student.vocab is not None  # noqa: S101 - the trial was validated
    place = join(trial.shards, KEPT, f"{student.tokenizer}-{student.vocab}.json")
    if not exists(place):
        made = train_like(told, student.tokenizer, student.vocab, _sample(shards))
        with contextlib.suppress(OSError):  # shards that may only be read
            write_once(place, made.backend_tokenizer.to_str())
        if not exists(place):
            return made
    bare = Tokenizer.from_str(read_bytes(place).decode())
    return wrapped_for_code(bare) if trial.task in SNIPPETS else wrapped(bare)


def _sample(shards: ShardSource) -> list[Row]:
    total = len(shards)
    count = min(total, TRAINED_ON_ROWS)
    rows, _ = shards.take([i * total // count for i in range(count)])
    return rows


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
        over_classes = self.shards.manifest.header.task in SNIPPETS
        return [self.reread.row(row) for row in rows], signal if over_classes else None


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
