"""The teacher run over the corpus, once for all stores of its signal, and over the suite.

On a Ray cluster every core or GPU gets an actor with the teacher, and this process makes the suite meanwhile;
without one all of it runs here. The teacher's weights and tokenizer are kept beside each store, so that no trial
needs the teacher's folder or a hub.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kdray.config import Sweep, as_data
from kdray.console import Advance, Stage, near, say
from kdray.corpus.example import Example, Split
from kdray.corpus.sample import evenly, unseen
from kdray.corpus.store import corpus_fingerprint, corpus_manifest, read_corpus
from kdray.errors import ConfigError, DataError
from kdray.evaluation.examine import doubt, examined
from kdray.metamorphic.suite import build_suite
from kdray.packaged import is_named
from kdray.pipeline.background import begun
from kdray.pipeline.voice import Voice
from kdray.storage import join, upload, write_json
from kdray.students.forward import head
from kdray.students.kept_order import keep_order, kept_order, sample
from kdray.students.kept_weights import keep_hashes
from kdray.students.load import (
    readable_as,
    shared_vocab,
    weights_fingerprint,
)
from kdray.students.preflight import check_student
from kdray.tasks import task_class
from kdray.tasks.round_trip import check_round_trip
from kdray.tasks.row import IGNORED, Row
from kdray.tasks.some_rows import some_rows
from kdray.teacher.capture import Forward, Plan, capture
from kdray.teacher.codec import Codec
from kdray.teacher.codecs import make
from kdray.teacher.manifest import ShardHeader
from kdray.teacher.shards import ShardWriter

EXAMINED = 100
"""Cases of a suite that a teacher answers before it is captured."""


class Capturing:
    """The captures of one sweep."""

    def __init__(self, sweep: Sweep, stage: Stage) -> None:
        """Loads the teacher. Raises `KdrayError`."""
        trial, plan = sweep.trial, sweep.capture
        assert trial.teacher and trial.corpus and trial.shards  # noqa: S101 - prepare saw to it
        self._sweep, self._stage, self._corpus = sweep, stage, trial.corpus
        voice = Voice(trial.task, trial.teacher, trial.encoding, plan.targets, plan.batch_size)
        described = {trial.shards: plan} | plan.stores
        self._codecs = {
            folder: make(store.codec, **store.codec_params) for folder, store in described.items()
        }
        self._model, self._tokenizer, self._task = voice.load()
        check_student(self._model.config, trial)
        if self._task.form_text:
            say(f"encoding  {self._task.form_text}")
        check_round_trip(self._task, read_corpus(trial.corpus, "train"), trial.teacher)
        self._header = ShardHeader(
            task=trial.task,
            teacher=weights_fingerprint(self._model),
            teacher_params=sum(parameter.numel() for parameter in self._model.parameters()),
            tokenizer=self._task.fingerprint,
            vocab=shared_vocab(self._model, self._tokenizer),
            corpus=corpus_fingerprint(trial.corpus),
        )
        self._said = replace(self._header, targets=plan.targets)
        self._voice = replace(voice, fingerprint=self._header.teacher)
        if self._header.vocab < (logits := len(head(self._model)[0])):
            say(
                f"vocabulary  {logits:,} logits, {self._header.vocab:,} of them tokens of "
                "the tokenizer: the others are left out"
            )

    def run(
        self, folders: Sequence[str], suites: Sequence[str], cluster: AbstractContextManager[None] | None
    ) -> None:
        """Makes the stores and suites that are named."""
        if suites and not is_named(self._voice.teacher):  # of those that come with kdray it is known
            self._examine(suites[0])
        # An interrupted run may have left stores without one.
        unordered = [folder for folder in self._codecs if self._is_ordered and kept_order(folder) is None]
        with self._stage("capture"):
            rows = self._rows() if folders or unordered else []
            for folder in folders:
                ShardWriter(folder, self._codecs[folder], self._said)  # refuses what belongs to another
                self._announce(folder, rows)
                self._keep(join(folder, "teacher"))
        on_ray = bool(folders) and cluster is not None
        judging = partial(self._beside, suites, unordered, rows)
        with begun(judging) if on_ray else nullcontext(judging) as suite:
            with self._stage("capture") as advance, cluster if on_ray and cluster else nullcontext():
                self._write(folders, rows, advance, on_ray=on_ray)
            with self._stage("suite") as advance:
                suite(advance)

    def _examine(self, suite: str) -> None:
        """Says so, before hours are spent on it, where a teacher is no better than what needs no learning."""
        examples = cases_of(self._sweep, suite)[:EXAMINED]
        with self._stage("exam") as advance:
            found = examined(self._model, self._task, self._corpus, examples, advance)
        if doubted := doubt(found):
            say(f"warning: {doubted}")

    def _rows(self) -> list[Row]:
        """The rows to capture: of the corpus, or prompts that the teacher answers."""
        examples, count = read_corpus(self._corpus, "train"), self._sweep.capture.rows
        if self._sweep.capture.targets == "truth":
            return self._task.rows(examples) if count is None else some_rows(self._task, examples, count)
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
            else partial(_here, forward=self._voice.of(self._model, self._task, self._header.vocab))
        )
        if folders:
            write(
                rows,
                {folder: self._codecs[folder] for folder in folders},
                self._said,
                batch_size=plan.batch_size,
                rows_per_shard=plan.rows_per_shard,
                progress=advance,
            )

    def _keep(self, folder: str) -> None:
        """Writes the teacher beside its signal, to a path or URI; before the manifest says that all is there."""
        with tempfile.TemporaryDirectory() as local:
            self._model.save_pretrained(local)
            keep_hashes(Path(local), self._model, self._header.teacher)
            self._tokenizer.save_pretrained(local)
            readable_as(Path(local), "config.json")
            if form := self._task.form_fields:
                encoding = as_data(self._sweep.trial.encoding) | form
                write_json(Path(local) / "kdray.json", {"encoding": encoding})
            upload(Path(local), folder)

    def _beside(
        self, suites: Sequence[str], stores: Sequence[str], rows: list[Row], advance: Advance
    ) -> None:
        """What this process makes of its teacher while others run theirs over the corpus."""
        if stores:
            plan = Plan(rows, self._sweep.capture.rows_per_shard)
            stored = [row for number in range(len(plan)) for row in plan.shard(number)]
            measured = [stored[i] for i in sample(len(stored))]
            keep_order(self._model, measured, self._task.pad_id, stores)
        for folder in suites:
            self._suite(folder, advance)

    @property
    def _is_ordered(self) -> bool:
        """Whether students are cut in an order, and it is known now on which rows it is measured: those that the
        teacher writes itself are known when they are read, and the first trial asks then.
        """
        return _is_sliced(self._sweep) and self._sweep.capture.targets == "truth"

    def _suite(self, folder: str, advance: Advance) -> None:
        trial, plan = self._sweep.trial, self._sweep.capture
        assert trial.shards  # noqa: S101 - prepare saw to it
        build_suite(
            self._model,
            self._task,
            cases_of(self._sweep, folder),
            folder,
            seed=plan.seed,
            transforms=plan.transforms or None,
            variants=plan.variants_per_case,
            header=self._header,
            codec=self._codecs[trial.shards],
            batch_size=trial.evaluation.batch_size,
            progress=advance,
        )


def cases_of(sweep: Sweep, folder: str) -> list[Example]:
    """The examples of one of a sweep's suites: where it has two, the first is of the valid split.

    Raises:
        DataError: the corpus has no such split.
    """
    trial, plan = sweep.trial, sweep.capture
    assert trial.corpus  # noqa: S101 - the caller saw to it
    split: Split = "valid" if trial.test_suite and folder != trial.test_suite else "test"
    if split == "valid" and not corpus_manifest(trial.corpus)["splits"].get(split):
        raise DataError(
            f"{trial.corpus} has no valid split to choose students by: leave trial.test_suite out (they are chosen"
            " by the test split then, and the report says so), or import the set with --split file"
        )
    count = plan.cases if folder != trial.test_suite else plan.test_cases or plan.cases
    return unseen(trial.corpus, split, count, plan.seed, written=task_class(trial.task).writes)


def _is_sliced(sweep: Sweep) -> bool:
    """Whether a trial's student may be cut out of the teacher's width."""
    student, searched = sweep.trial.student, sweep.space.get("student.init")
    return student.family != "teacher" and "sliced" in (student.init, *getattr(searched, "choices", ()))


def _here(
    rows: list[Row], stores: Mapping[str, Codec], header: ShardHeader, *, forward: Forward, **options: Any
) -> None:
    """A capture by this process, of the teacher that it has loaded."""
    capture(rows, stores, header, forward, **options)


def _on_ray(
    rows: list[Row],
    stores: Mapping[str, Codec],
    header: ShardHeader,
    *,
    voice: Voice,
    sweep: Sweep,
    **options: Any,
) -> None:
    """A capture by an actor on every core, or on every GPU where trials take GPUs too."""
    from kdray.workers.capture_actors import capture_on_ray

    gpus = 1.0 if sweep.resources.gpus_per_worker else 0.0
    capture_on_ray(rows, stores, header, voice.forward, gpus_per_actor=gpus, **options)
