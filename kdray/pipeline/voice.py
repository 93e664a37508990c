"""The teacher as it is asked in a capture: loaded once in each process, on the ground truth or its own answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kdray.config import Encoding
from kdray.config.capture_settings import Parallel
from kdray.errors import DataError
from kdray.evaluation.answering import answering
from kdray.students.dealt_out import deal_out, room_on
from kdray.students.load import (
    check_padding,
    load_config,
    load_model,
    load_tokenizer,
    shared_vocab,
    told_encoding,
)
from kdray.students.logits import TargetLogits
from kdray.students.preflight import check_teacher
from kdray.students.quantised import method_of
from kdray.students.source_weights import SourceWeights
from kdray.tasks import Task, task_of
from kdray.tasks.row import Row


class Spoken(TargetLogits):
    """A loaded teacher as a callable, with what else may be asked of it."""

    def __init__(self, model: Any, task: Task, vocab: int, source: str) -> None:
        super().__init__(model, task.pad_id, vocab)
        self.model, self.task, self._source = model, task, source

    @property
    def weights(self) -> Any:
        """The same model, with plain weights in any case."""
        if method_of(self.model.config) is None:
            return self.model
        return load_model(self._source, as_numbers=True).to(self.model.device)


class GreedyLogits(Spoken):
    """A teacher that first writes the answers it is then asked about (see `Answers`)."""

    def __init__(self, model: Any, task: Task, vocab: int, source: str, batch_size: int) -> None:
        super().__init__(model, task, vocab, source)
        self._batch_size = batch_size

    def answer(self, rows: Sequence[Row]) -> list[Row]:
        """The rows' prompts, each with the teacher's greedy output."""
        prompts = [row.input_ids for row in rows]
        how = answering(self.task)
        outputs = how.outputs(self.model, self.task, prompts, self._batch_size)
        return [
            self.task.answer(row.input_ids, output.ids, row.id)
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
        fingerprint: of the weights that the shards name.
        dtype: precision that it is run in, as torch names it.
        device: `cpu` or `cuda`.
        parallel: of a teacher on several devices; None: it is on one.
    """

    task: str
    teacher: str
    encoding: Encoding
    targets: str
    batch_size: int
    fingerprint: str = ""
    dtype: str = "float32"
    device: str = "cpu"
    parallel: Parallel | None = None

    def described(self) -> tuple[Any, Any, Task]:
        """Configuration, tokenizer and task, no weights. Raises `DataError` for a teacher that does not do it."""
        config, tokenizer = load_config(self.teacher), load_tokenizer(self.teacher)
        check_teacher(config, self.task, self.teacher)
        check_padding(config, tokenizer, self.teacher)
        encoding = told_encoding(self.encoding, self.teacher)
        return config, tokenizer, task_of(self.task, tokenizer, bool(config.is_encoder_decoder), encoding)

    def of_the_capture(self) -> Spoken:
        """The teacher loaded, in another process and maybe later. Raises `DataError` where it is no longer the
        one whose weights the shards name.
        """
        if SourceWeights.of(self.teacher).fingerprint != self.fingerprint:
            raise DataError(f"{self.teacher}: other weights than when the capture began")
        return self.loaded()

    def loaded(self) -> Spoken:
        """The teacher as a callable. Raises `DataError`."""
        config, tokenizer, task = self.described()
        devices: dict[str, int | str] | None = None
        if self.device == "cuda" and method_of(config) is not None:
            devices = {"": 0}  # bits are not moved once they are read
        if self.parallel is not None:
            room = room_on(**self.parallel.model_dump())
            devices = deal_out(config, self.dtype, room, self.teacher)
        model = load_model(self.teacher, self.dtype, devices)
        model = model.to(self.device) if devices is None else model
        vocab = shared_vocab(config, tokenizer)
        if self.targets == "greedy":
            return GreedyLogits(model, task, vocab, self.teacher, self.batch_size)
        return Spoken(model, task, vocab, self.teacher)
