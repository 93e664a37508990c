"""What a trial reads: rows to learn from, a suite to be judged by, and the teacher's weights to start from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import cast

from kdray.config import FORM, CheckpointStudent, TeacherRecipe, Trial
from kdray.corpus.sample import evenly_read
from kdray.corpus.store import Examples, read_corpus
from kdray.errors import ConfigError
from kdray.metamorphic.suite import Suite
from kdray.storage import join, read_json
from kdray.stream import PlainSource, RowSource
from kdray.students.checkpoint import checkpoint_config, is_foreign
from kdray.students.cuts import check_reads_no_signal
from kdray.students.load import is_ours, load_config, load_tokenizer, told_encoding
from kdray.students.positions import check_length
from kdray.students.preflight import check_context
from kdray.students.vocabulary import RereadSource, ShortSource, embedding_rows, own_tokenizer
from kdray.tasks import Task, task_class, task_of
from kdray.tasks.form import plain
from kdray.tasks.kept_rows import KeptRows, encoded
from kdray.tasks.reread import Reread
from kdray.tasks.round_trip import CHECKED, check_round_trip
from kdray.teacher.cache import local_folder
from kdray.teacher.shards import ShardSource

HELD_OUT_ROWS = 512
"""Rows of the valid split that give a teacher's learning curve."""


@dataclass(frozen=True)
class TrialData:
    """Everything that a trial reads, opened.

    Attributes:
        task: encodes examples, with the student's tokenizer.
        teacher_task: the same with the teacher's tokenizer; the same object unless the student has one of its own.
        source: the rows to learn from.
        vocab: rows of the embedding.
        teacher: folder of the teacher's weights (kept beside the shards; of a teacher's recipe, the teacher
            that it goes on from), or None.
        suite: the opened metamorphic suite, or None.
        held_out: rows of the corpus's valid split (a teacher's recipe only), or None.
        fingerprint: of the teacher's weights, or None.
        shards: the teacher's signal as it is stored, or None.
    """

    task: Task
    teacher_task: Task
    source: RowSource
    vocab: int
    teacher: str | None
    suite: Suite | None
    held_out: RowSource | None = None
    fingerprint: str | None = None
    shards: ShardSource | None = None


def open_data(trial: Trial) -> TrialData:
    """Opens the files that a trial names. Raises `KdrayError` where they are missing, damaged or of another
    teacher.
    """
    return _from_shards(trial) if trial.shards is not None else _from_corpus(trial)


def _from_shards(trial: Trial) -> TrialData:
    """Shards, the tokenizer kept beside them, and the suite, which must be of the same teacher."""
    assert trial.shards is not None  # noqa: S101 - open_data saw to it
    if trial.suite is None:
        raise ConfigError(
            "trial.suite must name the metamorphic suite: without it a student cannot be judged"
        )
    kept = local_folder(join(trial.shards, "teacher"))
    kept_config = load_config(kept)
    apart = trial.student.family == "t5"
    if trial.student.family in ("teacher", "checkpoint"):
        apart = bool(kept_config.is_encoder_decoder)
    check_context(trial, apart)
    _check_encoding(trial, kept)
    # A teacher that was kept before folders said their form is read in the one that there was then.
    encoding = plain(told_encoding(trial.encoding, kept))
    teacher_task = task_of(trial.task, load_tokenizer(kept), apart, encoding)
    shards = ShardSource.open(trial.shards, tokenizer=teacher_task.fingerprint)
    if trial.distil.loss == "sequence" and shards.manifest.header.targets != "greedy":
        raise ConfigError(
            f"distil.loss sequence: {trial.shards} holds the ground truth, not the teacher's own answers:"
            " capture other shards with capture.targets greedy"
        )
    suite = Suite.open(trial.suite, tokenizer=teacher_task.fingerprint, teacher=shards.manifest.teacher)
    vocab = embedding_rows(trial.shards, shards.manifest)
    task, source = teacher_task, cast(RowSource, shards)
    own, form = None, trial.encoding.model_copy(update=dict.fromkeys(FORM))
    if trial.student.own_tokenizer:
        own = own_tokenizer(trial, shards, teacher_task)
    elif isinstance(trial.student, CheckpointStudent):
        vocab = checkpoint_config(trial.student.checkpoint, trial.task).vocab_size
        if is_foreign(trial, kept_config, teacher_task.tokenizer):
            check_reads_no_signal(trial)
            own = load_tokenizer(trial.student.checkpoint)
            form = told_encoding(form, local_folder(trial.student.checkpoint))
        elif teacher_task.writes and vocab < shards.manifest.vocab:
            raise ConfigError(
                f"student.checkpoint {trial.student.checkpoint} has {vocab:,} tokens, its teacher speaks of"
                f" {shards.manifest.vocab:,}: name a checkpoint with all of them"
            )
        elif teacher_task.writes:
            vocab = shards.manifest.vocab
    if own is not None:
        task = task_of(trial.task, own, teacher_task.encoder_decoder, form)
        reread = Reread(teacher_task, task)
        source = RereadSource(shards, reread)
        suite = replace(suite, reread=reread)
    shorter = getattr(trial.student, "max_input", None)
    if shorter is not None:
        if task.starts:
            raise ConfigError(
                f"student.max_input {shorter} would cut off the start token that its teacher's inputs begin with:"
                " leave it out"
            )
        source = ShortSource(source, shorter, task.encoder_decoder)
        suite = replace(suite, max_input=shorter)
    return TrialData(task, teacher_task, source, vocab, kept, suite, None, shards.manifest.teacher, shards)


def _check_encoding(trial: Trial, kept: str) -> None:
    """Raises `ConfigError` naming the field where rows were made otherwise than the trial says."""
    told = read_json(join(kept, "kdray.json"))["encoding"] if is_ours(kept) else {}
    for name, said in told.items():
        asked = getattr(trial.encoding, name)
        if asked not in (None, said):
            raise ConfigError(
                f"encoding.{name} {asked}: {trial.shards} was captured with {said}: set that, or name other"
                " folders for shards and suite"
            )


def _from_corpus(trial: Trial) -> TrialData:
    if not isinstance(trial, TeacherRecipe):
        raise ConfigError("a trial without shards is a teacher's recipe: use `kdray teacher train`")
    if isinstance(trial.student, CheckpointStudent):
        return _of_a_checkpoint(trial, trial.student.checkpoint)
    examples = read_corpus(trial.corpus, "train")
    encoder_decoder = trial.student.family == "t5"
    kind = task_class(trial.task)
    tokenizer = kind.train_tokenizer(kind.corpus_texts(examples), trial.vocab)
    task = task_of(trial.task, tokenizer, encoder_decoder, trial.encoding)
    teacher_task = task
    if trial.teacher is not None:
        encoding = told_encoding(trial.encoding, trial.teacher)
        teacher_task = task_of(trial.task, load_tokenizer(trial.teacher), encoder_decoder, encoding)
    source, held_out = _rows(trial, task)
    older = None if trial.teacher is None else local_folder(trial.teacher)
    return TrialData(task, teacher_task, source, len(tokenizer), older, None, held_out)


def _of_a_checkpoint(trial: TeacherRecipe, checkpoint: str) -> TrialData:
    """A pretrained model reads with its own tokenizer, in the form that its folder tells."""
    config, tokenizer = checkpoint_config(checkpoint, trial.task), load_tokenizer(checkpoint)
    check_context(trial, bool(config.is_encoder_decoder))
    check_length(config, trial, checkpoint)
    encoding = told_encoding(trial.encoding, local_folder(checkpoint))
    task = task_of(trial.task, tokenizer, bool(config.is_encoder_decoder), encoding)
    check_round_trip(task, evenly_read(trial.corpus, "train", CHECKED), checkpoint)
    source, held_out = _rows(trial, task)
    return TrialData(task, task, source, config.vocab_size, None, None, held_out)


def _rows(trial: TeacherRecipe, task: Task) -> tuple[RowSource, RowSource]:
    """What a teacher learns, and what gives its learning curve."""
    held_out = islice(encoded(task, Examples(trial.corpus, "valid")), HELD_OUT_ROWS)
    learnt = KeptRows(encoded(task, Examples(trial.corpus, "train")))
    return PlainSource(learnt), PlainSource(list(held_out))
