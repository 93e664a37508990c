"""The teacher run over the corpus, once for each store of its signal, and over the suite.

On a Ray cluster every core or GPU gets an actor with the teacher; without one it runs in this process. The
teacher's weights and tokenizer are kept beside each store, so that no trial needs the teacher's folder or a hub.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kdray.config import Encoding, Sweep
from kdray.console import Advance, Stage, near, say
from kdray.corpus.sample import evenly, sample
from kdray.corpus.store import corpus_fingerprint, read_corpus
from kdray.errors import ConfigError
from kdray.evaluation.answering import answering
from kdray.metamorphic.suite import build_suite
from kdray.storage import join, upload, write_json
from kdray.students.families import teacher_shape
from kdray.students.forward import head
from kdray.students.load import (
    load_model,
    load_tokenizer,
    shared_vocab,
    told_encoding,
    weights_fingerprint,
)
from kdray.students.logits import TargetLogits
from kdray.students.slices import check_cut
from kdray.tasks import AssertionTask, Task, task_of
from kdray.tasks.round_trip import check_round_trip
from kdray.tasks.row import IGNORED, Row
from kdray.teacher.capture import Forward, capture
from kdray.teacher.codec import Codec
from kdray.teacher.codecs import make
from kdray.teacher.manifest import ShardHeader
from kdray.teacher.shards import ShardWriter


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
    """

    task: str
    teacher: str
    encoding: Encoding
    targets: str
    batch_size: int

    def load(self) -> tuple[Any, Any, Task]:
        """Model (on the accelerator where there is one), tokenizer and task."""
        import torch

        model, tokenizer = load_model(self.teacher), load_tokenizer(self.teacher)
        model = model.to("cuda" if torch.cuda.is_available() else "cpu")
        encoding = told_encoding(self.encoding, self.teacher)
        return model, tokenizer, task_of(self.task, tokenizer, model.config.is_encoder_decoder, encoding)

    def forward(self) -> Forward:
        """The teacher as a callable."""
        model, tokenizer, task = self.load()
        vocab = shared_vocab(model, tokenizer)
        if self.targets == "greedy":
            return GreedyLogits(model, task, vocab, self.batch_size)
        return TargetLogits(model, task.pad_id, vocab)


class Capturing:
    """The captures of one sweep."""

    def __init__(self, sweep: Sweep, stage: Stage) -> None:
        """Loads the teacher. Raises `KdrayError`."""
        trial, plan = sweep.trial, sweep.capture
        assert trial.teacher and trial.corpus and trial.shards  # noqa: S101 - prepare saw to it
        self._sweep, self._stage, self._corpus = sweep, stage, trial.corpus
        self._voice = Voice(trial.task, trial.teacher, trial.encoding, plan.targets, plan.batch_size)
        described = {trial.shards: plan} | plan.stores
        self._codecs = {folder: make(one.codec, **one.codec_params) for folder, one in described.items()}
        self._model, self._tokenizer, self._task = self._voice.load()
        if isinstance(self._task, AssertionTask):
            say(f"encoding    {self._task.form}")
        check_round_trip(self._task, read_corpus(trial.corpus, "train"), trial.teacher)
        check_cut(teacher_shape(self._model.config.to_dict()), trial.student)
        self._header = ShardHeader(
            task=trial.task,
            teacher=weights_fingerprint(self._model),
            teacher_params=sum(parameter.numel() for parameter in self._model.parameters()),
            tokenizer=self._task.fingerprint,
            vocab=shared_vocab(self._model, self._tokenizer),
            corpus=corpus_fingerprint(trial.corpus),
        )
        self._said = replace(self._header, targets=plan.targets)
        if self._header.vocab < (logits := len(head(self._model)[0])):
            say(
                f"vocabulary  {logits:,} logits, {self._header.vocab:,} of them tokens of "
                "the tokenizer: the others are left out"
            )

    def run(self, folders: Sequence[str], cluster: AbstractContextManager[None] | None) -> None:
        """Makes the stores that are named, and the suite."""
        with self._stage("capture") as advance:
            rows = self._rows() if folders else []
            for folder in folders:
                ShardWriter(folder, self._codecs[folder], self._said)  # refuses what belongs to another
                self._announce(folder, rows)
                _keep(self._model, self._tokenizer, self._task, join(folder, "teacher"))
            if cluster is None or not folders:
                self._write(folders, rows, advance)
            else:
                with cluster:
                    self._write(folders, rows, advance, on_ray=True)
        with self._stage("suite") as advance:
            self._suite(advance)

    def _rows(self) -> list[Row]:
        """The rows to capture: of the corpus, or prompts that the teacher answers."""
        examples, count = read_corpus(self._corpus, "train"), self._sweep.capture.rows
        if self._sweep.capture.targets == "truth":
            rows = self._task.rows(examples)
            return [rows[i] for i in evenly(len(rows), len(rows) if count is None else count)]
        if not self._task.writes:
            raise ConfigError(
                f"capture.targets greedy: task {self._sweep.trial.task} has no answers to write"
            )
        chosen = evenly(len(examples), len(examples) if count is None else count)
        prompts = [(examples[i].id, self._task.prompt(examples[i])) for i in chosen]
        return [Row(name, ids, np.full(len(ids), IGNORED, np.int32)) for name, ids in prompts]

    def _announce(self, folder: str, rows: Sequence[Row]) -> None:
        """What a store will cost, before it is written."""
        codec, vocab = self._codecs[folder], self._header.vocab
        bits, tokens = codec.bits_per_token(vocab), sum(row.num_targets for row in rows)
        size = f", {tokens:,} tokens, {bits / 8 * tokens / 1e6:,.1f} MB in all" if tokens else ""
        say(f"capture   {codec.name} at about {bits:,.0f} bits a token of {vocab:,}{size}: {near(folder)}")

    def _write(
        self, folders: Sequence[str], rows: list[Row], advance: Advance, *, on_ray: bool = False
    ) -> None:
        plan = self._sweep.capture
        write = (
            partial(_on_ray, voice=self._voice, sweep=self._sweep)
            if on_ray
            else partial(_here, voice=self._voice)
        )
        for folder in folders:
            write(
                rows,
                folder,
                self._codecs[folder],
                self._said,
                batch_size=plan.batch_size,
                rows_per_shard=plan.rows_per_shard,
                progress=advance,
            )

    def _suite(self, advance: Advance) -> None:
        trial, plan = self._sweep.trial, self._sweep.capture
        assert trial.suite and trial.shards  # noqa: S101 - prepare saw to it
        build_suite(
            self._model,
            self._task,
            sample(read_corpus(self._corpus, "test"), plan.cases, plan.seed),
            trial.suite,
            seed=plan.seed,
            transforms=plan.transforms or None,
            variants=plan.variants_per_case,
            header=self._header,
            codec=self._codecs[trial.shards],
            batch_size=trial.evaluation.batch_size,
            progress=advance,
        )


def _here(
    rows: list[Row], folder: str, codec: Codec, header: ShardHeader, *, voice: Voice, **options: Any
) -> None:
    """A capture by this process."""
    capture(rows, folder, codec, header, voice.forward(), **options)


def _on_ray(
    rows: list[Row],
    folder: str,
    codec: Codec,
    header: ShardHeader,
    *,
    voice: Voice,
    sweep: Sweep,
    **options: Any,
) -> None:
    """A capture by an actor on every core, or on every GPU where trials take GPUs too."""
    from kdray.workers.capture_actors import capture_on_ray

    gpus = 1.0 if sweep.resources.gpus_per_worker else 0.0
    capture_on_ray(rows, folder, codec, header, voice.forward, gpus_per_actor=gpus, **options)


def _keep(model: Any, tokenizer: Any, task: Task, folder: str) -> None:
    """Writes the teacher beside its signal, to a path or URI; before the manifest says that all is there."""
    with tempfile.TemporaryDirectory() as local:
        model.save_pretrained(local)
        tokenizer.save_pretrained(local)
        if task.form_fields:
            write_json(Path(local) / "kdray.json", {"encoding": task.form_fields})
        upload(Path(local), folder)
