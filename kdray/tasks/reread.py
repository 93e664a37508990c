"""What one tokenizer wrote, read with another: a student with a tokenizer of its own reads its teacher's shards.

Rows and prompts are turned into text and encoded again, so a trial needs nothing but the shards and the suite.
What the teacher cut off stays cut off; what is too long in the student's tokens is cut as its task cuts: a snippet
behind, the context of an assertion in front.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kdray.tasks.row import IGNORED, Row
from kdray.tasks.task import Ids, Task


@dataclass(frozen=True)
class Reread:
    """From a teacher's tokens to a student's.

    Attributes:
        teacher: the task with the teacher's tokenizer.
        student: the same task with the student's.
    """

    teacher: Task
    student: Task

    def row(self, row: Row) -> Row:
        """A row of shards in the student's tokens."""
        return self.student.reread_row(row, self.teacher)

    def prompt(self, ids: Ids) -> Ids:
        """A prompt in the student's tokens."""
        return self.student.reread_prompt(ids, self.teacher)

    def answer(self, ids: Ids) -> Ids:
        """An output in the student's tokens."""
        return self.student.reread_output(ids, self.teacher)


def shortened(row: Row, max_input: int, encoder_decoder: bool) -> Row:
    """A writer's row with the last `max_input` tokens of what stands before its first target."""
    if encoder_decoder:
        return replace(row, input_ids=row.input_ids[-max_input:])
    cut = max(0, int(np.flatnonzero(row.labels != IGNORED)[0]) - max_input)
    return replace(row, input_ids=row.input_ids[cut:], labels=row.labels[cut:])
