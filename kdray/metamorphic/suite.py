"""The suite: clean inputs, a variant of each, and what the teacher says to both. Captured once; a trial runs
the student alone.

A suite is a folder of shards like any other: a row is a prompt with the teacher's greedy output, and carries
the teacher's signal on that output, which is what "teacher forcing on the teacher's output" needs. The
columns beside it say which case a row belongs to. A case is a clean input (transform `identity`) followed by
its variants.

Not covered: which inputs these are (see `suite_inputs`), what is made of them (see `suite_metrics`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.errors import DataError
from kdray.evaluation.answering import answering
from kdray.metamorphic.suite_inputs import IDENTITY, Ids, Input, suite_inputs
from kdray.tasks import Task
from kdray.tasks.reread import Reread
from kdray.tasks.row import IGNORED, Row
from kdray.teacher.codec import Codec
from kdray.teacher.manifest import Manifest, ShardHeader
from kdray.teacher.shards import ShardSource, ShardWriter
from kdray.teacher.signal import TeacherSignal

ROWS_PER_SHARD = 128


def build_suite(
    model: Any,
    task: Task,
    examples: Sequence[Example],
    folder: str,
    *,
    header: ShardHeader,
    codec: Codec,
    seed: int = 0,
    transforms: Sequence[str] | None = None,
    variants: int = 1,
    batch_size: int = 64,
    progress: Advance = lambda done, total: None,
) -> Manifest:
    """Makes variants of the examples and captures the teacher on all of them. Run again, it goes on.

    Args:
        model: the teacher.
        task: encodes and decodes for its tokenizer.
        examples: the cases.
        folder: for the shards; what an interrupted run has left there is kept.
        header: whose suite this is.
        codec: stores the teacher's signal.
        seed: of the order of cases and of all variants.
        transforms: names, or None for all of each example's language.
        variants: of one case, fewer where fewer transformations apply.
        batch_size: sequences decoded together.
        progress: called after each shard.

    Raises:
        DataError: without an example, or where no transformation applies to any.
        ConfigError: for a transformation that does not exist.
    """
    inputs = suite_inputs(task, examples, seed=seed, transforms=transforms, variants=variants)
    writer = ShardWriter(folder, codec, header)
    for number, start in enumerate(range(0, len(inputs), ROWS_PER_SHARD)):
        if not writer.has(number):
            _capture(model, task, inputs[start : start + ROWS_PER_SHARD], writer, number, batch_size)
        progress(min(start + ROWS_PER_SHARD, len(inputs)), len(inputs))
    return writer.finish()


def _capture(
    model: Any,
    task: Task,
    inputs: Sequence[Input],
    writer: ShardWriter,
    number: int,
    batch_size: int,
) -> None:
    """The teacher's word on some inputs as one shard."""
    prompts = [item.prompt for item in inputs]
    outputs, logits = answering(task).with_logits(model, task, prompts, batch_size, writer.header.vocab)
    extra: dict[str, list[Any]] = {
        "case": [item.case for item in inputs],
        "group": [item.example.group for item in inputs],
        "transform": [item.transform for item in inputs],
        "context": [item.example.context for item in inputs],
        "reference": [item.example.target for item in inputs],
        "renames": [json.dumps(item.renames) for item in inputs],
        "teacher_text": [task.decode(output.ids) for output in outputs],
        "teacher_logprob": [float(output.logprob.mean(dtype=np.float64)) for output in outputs],
    }
    rows = [
        task.answer(item.prompt, output.ids, item.case) for item, output in zip(inputs, outputs, strict=True)
    ]
    writer.write(number, rows, logits, extra)


@dataclass(frozen=True)
class Suite:
    """An opened suite.

    Attributes:
        source: its rows.
        cases: id of the case of each row.
        groups: what each row's case was mined from, its test file; of a suite that does not say it, the case.
        transforms: transformation of each row, `identity` for a clean one.
        references: ground truth of each row, renamed along.
        renames: (old, new) pairs of each row.
        contexts: the source that each row's input was made of; of a suite that does not say it, none.
        teacher_texts: the teacher's output for each row.
        teacher_confidence: float64 [rows], its geometric-mean token probability.
        reread: for a student with a tokenizer of its own, else None.
        max_input: tokens of a prompt that a student reads, its last ones; None for all.
    """

    source: ShardSource
    cases: list[str]
    groups: list[str]
    transforms: list[str]
    references: list[str]
    renames: list[tuple[tuple[str, str], ...]]
    contexts: list[str]
    teacher_texts: list[str]
    teacher_confidence: NDArray[np.float64]
    reread: Reread | None = None
    max_input: int | None = None

    @classmethod
    def open(cls, location: str, *, tokenizer: str | None = None, teacher: str | None = None) -> Suite:
        """Opens and checks a suite. Raises `DataError` in one line (see `ShardSource.open`)."""
        source = ShardSource.open(location, tokenizer=tokenizer, teacher=teacher)
        texts = {name: source.column(name) for name in ("case", "transform", "reference", "teacher_text")}
        if not all(isinstance(text, str) for values in texts.values() for text in values):
            raise DataError(f"{location}: damaged: a case without its text")
        if texts["transform"][:1] != [IDENTITY]:
            raise DataError(f"{location}: damaged: it does not begin with a clean input")
        try:
            renames = [
                tuple((str(old), str(new)) for old, new in json.loads(text))
                for text in source.column("renames")
            ]
            logprobs = np.array(source.column("teacher_logprob"), np.float64)
        except (ValueError, TypeError, RecursionError) as error:
            raise DataError(f"{location}: damaged: {error}") from None
        return cls(
            source=source,
            cases=texts["case"],
            groups=source.column("group") if source.has_column("group") else texts["case"],
            transforms=texts["transform"],
            references=texts["reference"],
            renames=renames,
            contexts=source.column("context") if source.has_column("context") else [],
            teacher_texts=texts["teacher_text"],
            teacher_confidence=np.exp(logprobs),
        )

    @property
    def manifest(self) -> Manifest:
        """Of the shards."""
        return self.source.manifest

    @cached_property
    def clean_row(self) -> list[int]:
        """For each row the number of its case's clean row."""
        clean, at = [], 0
        for number, transform in enumerate(self.transforms):
            at = number if transform == IDENTITY else at
            clean.append(at)
        return clean

    def name(self, row: int) -> str:
        """The case of a clean row; for a variant with its transformation, of which a case has each but once."""
        transform = self.transforms[row]
        return self.cases[row] if transform == IDENTITY else f"{self.cases[row]} {transform}"

    def first(self, cases: int) -> list[int]:
        """The row numbers of the first cases, variants included; all where there are fewer."""
        starts = [number for number, transform in enumerate(self.transforms) if transform == IDENTITY]
        return list(range(starts[cases] if cases < len(starts) else len(self.transforms)))

    def read(self, numbers: Sequence[int]) -> tuple[list[Ids], list[Ids], TeacherSignal]:
        """Prompts as the student reads them, the teacher's outputs and its signal on these, row after row."""
        prompts, outputs, signal = self.told(numbers)
        if self.reread is not None:
            prompts = [self.reread.prompt(prompt) for prompt in prompts]
        if self.max_input is not None:
            prompts = [prompt[-self.max_input :] for prompt in prompts]
        return prompts, outputs, signal

    def told(self, numbers: Sequence[int]) -> tuple[list[Ids], list[Ids], TeacherSignal]:
        """The same with prompts in the teacher's own tokens."""
        rows, signal = self.source.take(numbers)
        pairs = [_split(row) for row in rows]
        return [prompt for prompt, _ in pairs], [output for _, output in pairs], signal


def _split(row: Row) -> tuple[Ids, Ids]:
    """Prompt and output of a row of either family."""
    targets = row.labels != IGNORED
    if targets.all():
        return row.input_ids, row.labels
    return row.input_ids[~targets], row.labels[targets]
