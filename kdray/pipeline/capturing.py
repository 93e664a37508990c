"""The teacher run over the corpus, once for all stores of its signal, and over the suites.

On a Ray cluster every core or GPU gets an actor with the teacher, which writes shards, suites and the order to
cut in, and this process holds no weights; without one all of it runs here. The teacher's weights and tokenizer are
kept beside each store, once where these are on one disk, so that no trial needs the teacher's folder or a hub.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from kdray.config import Sweep, as_data
from kdray.console import Advance, Stage, near, say
from kdray.corpus.example import Example, Split
from kdray.corpus.sample import evenly_read, unseen
from kdray.corpus.store import Examples, corpus_fingerprint, corpus_manifest
from kdray.errors import ConfigError, DataError
from kdray.evaluation.examine import doubt, examined
from kdray.metamorphic.suite import build_suite
from kdray.packaged import is_named
from kdray.pipeline.voice import Spoken, Voice
from kdray.storage import join, write_json
from kdray.students.dealt_out import room_on
from kdray.students.kept_order import keep_order, kept_order, sample
from kdray.students.load import shared_vocab
from kdray.students.preflight import check_student
from kdray.students.source_weights import SourceWeights, put_beside
from kdray.tasks import task_class
from kdray.tasks.kept_rows import KeptRows, encoded
from kdray.tasks.round_trip import CHECKED, check_round_trip
from kdray.tasks.row import IGNORED, Row
from kdray.tasks.some_rows import some_rows
from kdray.teacher.capture import Plan, capture
from kdray.teacher.codec import Codec
from kdray.teacher.codecs import make
from kdray.teacher.manifest import Manifest, ShardHeader
from kdray.teacher.shards import ShardWriter

EXAMINED = 100
"""Cases of a suite that a teacher answers before it is captured."""
PROCESS_BYTES = 2.5e9
"""Of an actor beside its teacher's weights, at a vocabulary of 152 k."""


class Capturing:
    """The captures of one sweep."""

    def __init__(self, sweep: Sweep, stage: Stage, cluster: AbstractContextManager[None] | None) -> None:
        """Reads what the teacher is, no weights. Raises `KdrayError`."""
        trial, plan = sweep.trial, sweep.capture
        assert trial.teacher and trial.corpus and trial.shards  # noqa: S101 - prepare saw to it
        self._sweep, self._stage, self._corpus, self._cluster = sweep, stage, trial.corpus, cluster
        device = device_of(sweep, on_ray=cluster is not None)
        if cluster is None and plan.parallel is not None:
            room_on(**plan.parallel.model_dump())  # by this process itself
        voice = Voice(
            trial.task, trial.teacher, trial.encoding, plan.targets, plan.batch_size, device=device,
            parallel=plan.parallel,
        )  # fmt: skip
        described = {trial.shards: plan} | plan.stores
        self._codecs = {
            folder: make(store.codec, **store.codec_params) for folder, store in described.items()
        }
        config, self._tokenizer, self._task = voice.described()
        check_student(config, trial)
        if self._task.form_text:
            say(f"encoding  {self._task.form_text}")
        check_round_trip(self._task, evenly_read(trial.corpus, "train", CHECKED), trial.teacher)
        self._weights = SourceWeights.of(trial.teacher)
        self._header = ShardHeader(
            task=trial.task,
            teacher=self._weights.fingerprint,
            teacher_params=self._weights.params,
            tokenizer=self._task.fingerprint,
            vocab=shared_vocab(config, self._tokenizer),
            corpus=corpus_fingerprint(trial.corpus),
            dtype=self._weights.dtype if plan.dtype == "auto" else plan.dtype,
            device=device,
        )
        self._said = replace(self._header, targets=plan.targets)
        self._voice = replace(voice, fingerprint=self._header.teacher, dtype=self._header.dtype)
        if self._task.writes and self._header.vocab < config.vocab_size:
            say(
                f"vocabulary  {config.vocab_size:,} logits, {self._header.vocab:,} of them tokens of "
                "the tokenizer: the others are left out"
            )

    def run(self, folders: Sequence[str], suites: Sequence[str]) -> None:
        """Makes the stores and suites that are named."""
        # An interrupted run may have left stores without one.
        unordered = [folder for folder in self._codecs if self._is_ordered and kept_order(folder) is None]
        with self._cluster or nullcontext(), self._teacher() as teacher:
            if suites and not is_named(self._voice.teacher):  # of those that come with kdray it is known
                with self._stage("exam") as advance:
                    doubted = teacher.ask(partial(_exam, self._sweep, suites[0]), advance)
                if doubted:
                    say(f"warning: {doubted}")
            with (
                self._stage("capture") as advance,
                KeptRows(self._rows() if folders or unordered else ()) as rows,
            ):
                for folder in folders:
                    ShardWriter(folder, self._codecs[folder], self._said)  # refuses what belongs to another
                    self._announce(folder, rows.num_targets)
                self._keep([join(folder, "teacher") for folder in folders])
                beside = [partial(_order, self._measured(rows), unordered)] if unordered else []
                beside += [partial(_suite, self._sweep, self._header, folder) for folder in suites]
                self._write(teacher, folders, rows, advance, beside)

    def _rows(self) -> Iterable[Row]:
        """The rows to capture: of the corpus, or prompts that the teacher answers."""
        examples, count = Examples(self._corpus, "train"), self._sweep.capture.rows
        if self._sweep.capture.targets == "truth":
            return encoded(self._task, examples) if count is None else some_rows(self._task, examples, count)
        if not self._task.writes:
            raise ConfigError(
                f"capture.targets greedy: task {self._sweep.trial.task} has no answers to write"
            )
        chosen = examples if count is None else evenly_read(self._corpus, "train", count)
        prompts = ((example.id, self._task.prompt(example)) for example in chosen)
        return (Row(name, ids, np.full(len(ids), IGNORED, np.int32)) for name, ids in prompts)

    def _announce(self, folder: str, tokens: int) -> None:
        """What a store will cost, before it is written."""
        codec, vocab = self._codecs[folder], self._header.vocab
        bits = codec.bits_per_token(vocab)
        size = f", {tokens:,} tokens, {bits / 8 * tokens / 1e6:,.1f} MB in all" if tokens else ""
        say(f"capture   {codec.name} at about {bits:,.0f} bits a token of {vocab:,}{size}: {near(folder)}")

    def _teacher(self) -> Any:
        """Who is asked, while it is entered."""
        if self._cluster is None:
            return nullcontext(TeacherHere(self._voice))
        from kdray.workers.capture_actors import Share, TeachersOnRay

        parallel = self._voice.parallel
        gpus = float(parallel.gpus if parallel else self._voice.device == "cuda")
        size = {"float32": 4}.get(self._header.dtype, 2) * self._header.teacher_params
        share = Share(gpus=gpus, bytes=0 if gpus else size + PROCESS_BYTES)
        return TeachersOnRay(self._voice.of_the_capture, share)

    def _write(
        self, teacher: Any, folders: Sequence[str], rows: Sequence[Row], advance: Advance, beside: list[Any]
    ) -> None:
        plan = self._sweep.capture
        teacher.capture(
            rows if folders else [],
            {folder: self._codecs[folder] for folder in folders},
            self._said,
            batch_size=plan.batch_size,
            rows_per_shard=plan.rows_per_shard,
            progress=advance,
            beside=beside,
        )

    def _keep(self, folders: Sequence[str]) -> None:
        """Writes the teacher beside its signal, to paths or URIs; before a manifest says that all is there."""
        if not folders:
            return
        with tempfile.TemporaryDirectory() as local:
            self._weights.keep(Path(local))
            self._tokenizer.save_pretrained(local)
            if form := self._task.form_fields:
                encoding = as_data(self._sweep.trial.encoding) | form
                write_json(Path(local) / "kdray.json", {"encoding": encoding})
            put_beside(Path(local), folders)

    def _measured(self, rows: Sequence[Row]) -> list[Row]:
        """Those that the order to cut in is measured on."""
        plan = Plan(rows, self._sweep.capture.rows_per_shard)
        chosen = sample(len(rows))
        return [
            shard[i % plan.rows_per_shard]
            for number, some in groupby(chosen, key=lambda i: i // plan.rows_per_shard)
            for shard in [plan.shard(number)]
            for i in some
        ]

    @property
    def _is_ordered(self) -> bool:
        """Whether students are cut in an order, and it is known now on which rows it is measured: those that the
        teacher writes itself are known when they are read, and the first trial asks then.
        """
        return is_sliced(self._sweep) and self._sweep.capture.targets == "truth"


class TeacherHere:
    """The teacher in this process, loaded when it is first asked; see `workers.capture_actors.TeachersOnRay`."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._loaded: Spoken | None = None

    def ask(self, job: Any, advance: Advance) -> Any:
        """What it answers."""
        self._loaded = self._loaded or self._voice.loaded()
        return job(self._loaded, advance)

    def capture(
        self,
        rows: Sequence[Row],
        stores: Mapping[str, Codec],
        header: ShardHeader,
        *,
        beside: Sequence[Any],
        progress: Advance,
        **options: Any,
    ) -> dict[str, Manifest]:
        """A capture by this process, then what else there is to do."""
        self._loaded = self._loaded or self._voice.loaded()
        made = capture(rows, stores, header, self._loaded, progress=progress, **options) if stores else {}
        for job in beside:
            self.ask(job, progress)
        return made


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


def is_sliced(sweep: Sweep) -> bool:
    """Whether a trial's student may be cut out of the teacher's width."""
    student, searched = sweep.trial.student, sweep.space.get("student.init")
    return student.family != "teacher" and "sliced" in (student.init, *getattr(searched, "choices", ()))


def device_of(sweep: Sweep, *, on_ray: bool) -> str:
    """Where its teacher runs: on Ray on GPUs where trials take GPUs too, in this process where there is one; one
    that takes several devices on GPUs in any case.
    """
    if sweep.capture.parallel is not None:
        return "cuda"
    if on_ray:
        return "cuda" if sweep.resources.gpus_per_worker else "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _nowhere(done: int, total: int) -> None:
    """Nobody is shown how far it is in another process."""


def _exam(sweep: Sweep, suite: str, teacher: Spoken, advance: Advance = _nowhere) -> str:
    """Whether a teacher is no better than what needs no learning, in a sentence: told before hours are spent."""
    assert sweep.trial.corpus  # noqa: S101 - prepare saw to it
    examples = cases_of(sweep, suite)[:EXAMINED]
    return doubt(examined(teacher.model, teacher.task, sweep.trial.corpus, examples, advance))


def _order(rows: Sequence[Row], stores: Sequence[str], teacher: Spoken, advance: Advance = _nowhere) -> None:
    """The order to cut a teacher in, kept beside the stores."""
    keep_order(teacher.weights, rows, teacher.task.pad_id, stores)


def _suite(
    sweep: Sweep, header: ShardHeader, folder: str, teacher: Spoken, advance: Advance = _nowhere
) -> None:
    """One suite."""
    trial, plan = sweep.trial, sweep.capture
    build_suite(
        teacher.model,
        teacher.task,
        cases_of(sweep, folder),
        folder,
        seed=plan.seed,
        transforms=plan.transforms or None,
        variants=plan.variants_per_case,
        header=header,
        codec=make(plan.codec, **plan.codec_params),
        batch_size=trial.evaluation.batch_size,
        progress=advance,
    )
