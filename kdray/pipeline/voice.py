"""The teacher as it is asked in a capture: loaded once in each process, on the ground truth or its own answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kdray.config import Encoding
from kdray.errors import DataError
from kdray.evaluation.answering import answering
from kdray.students.load import (
    check_padding,
    load_model,
    load_tokenizer,
    shared_vocab,
    told_encoding,
    weights_fingerprint,
)
from kdray.students.logits import TargetLogits
from kdray.students.preflight import check_teacher
from kdray.tasks import Task, task_of
from kdray.tasks.row import Row
from kdray.teacher.capture import Forward


class GreedyLogits(TargetLogits):
    """A teacher that first writes the answers it is then asked about (see `Answers`)."""

    def __init__(self, model: Any, task: Task, vocab: int, batch_size: int) -> None:
        super().__init__(model, task.pad_id, vocab)
        self._task, self._batch_size = task, batch_size

    def answer(self, rows: Sequence[Row]) -> list[Row]:
        """The rows' prompts, each with the teacher's greedy output."""
        prompts = [row.input_ids for row in rows]
        outputs = answering(self._task).outputs(self._model, self._task, prompts, self._batch_size)
        return [
            self._task.answer(row.input_ids, output.ids, row.id)
            for row, output in zip(rows, outputs, strict=True)
        ]


@dataclass(frozen=True)
class Voice:
    """How an actor makes the teacher's voice: plain data, so that it travels.

    Attributes:
        task: its name.
        teacher: folder or hub name.
        encoding: limits of a row.
        targets: `truth` or `greedy`.
        batch_size: prompts that are answered together.
        fingerprint: of the weights that the shards name; "" before they are known.
    """

    task: str
    teacher: str
    encoding: Encoding
    targets: str
    batch_size: int
    fingerprint: str = ""

    def load(self) -> tuple[Any, Any, Task]:
        """Model (on the accelerator where there is one), tokenizer and task."""
        import torch

        model, tokenizer = load_model(self.teacher), load_tokenizer(self.teacher)
        check_teacher(model.config, self.task, self.teacher)
        check_padding(model.config, tokenizer, self.teacher)
        model = model.to("cuda" if torch.cuda.is_available() else "cpu")
        encoding = told_encoding(self.encoding, self.teacher)
        return model, tokenizer, task_of(self.task, tokenizer, model.config.is_encoder_decoder, encoding)

    def forward(self) -> Forward:
        """The teacher as a callable, for another process. Raises `DataError` where it is no longer the one whose
        weights the shards name.
        """
        model, tokenizer, task = self.load()
        if self.fingerprint not in ("", weights_fingerprint(model)):
            raise DataError(f"{self.teacher}: other weights than when the capture began")
        return self.of(model, task, shared_vocab(model, tokenizer))

    def of(self, model: Any, task: Task, vocab: int) -> Forward:
        """A loaded teacher as a callable."""
        if self.targets == "greedy":
            return GreedyLogits(model, task, vocab, self.batch_size)
        return TargetLogits(model, task.pad_id, vocab)
