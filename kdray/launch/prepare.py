"""Makes what a sweep's trials read: the teacher's signal and the metamorphic suite, once per teacher and
corpus.

What is complete and belongs to this teacher, tokenizer and corpus is used again; what was interrupted goes
on; what belongs to another is refused. The teacher's weights are copied beside the shards, so that no trial
needs the teacher's folder or a hub.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdray.config import Sweep, Trial, satisfies
from kdray.console import Advance
from kdray.corpus.sample import sample
from kdray.corpus.store import corpus_fingerprint, read_corpus
from kdray.errors import ConfigError
from kdray.storage import exists, join, open_atomic
from kdray.students.cost import params, size_bytes
from kdray.teacher import codec as codecs
from kdray.teacher.manifest import Manifest, ShardHeader
from kdray.teacher.manifest import read as read_manifest

Stage = Callable[[str], AbstractContextManager[Advance]]


@dataclass(frozen=True)
class Prepared:
    """What the search must know before it trains.

    Attributes:
        signal: manifest of the shards.
        suite: manifest of the metamorphic suite.
    """

    signal: Manifest
    suite: Manifest

    @property
    def context(self) -> dict[str, Any]:
        """The quantities that constraints speak of."""
        params = self.signal.teacher_params
        return {"vocab": self.signal.vocab, "teacher_params": params, "teacher_bytes": 4 * params}


def _no_stage(name: str) -> AbstractContextManager[Advance]:
    return nullcontext(lambda done, total: None)


def prepare(sweep: Sweep, stage: Stage = _no_stage) -> Prepared:
    """Captures signal and suite where they are missing.

    Raises:
        ConfigError: the sweep names no shards or no suite, or nothing to make them from.
        DataError: something is damaged or belongs to another teacher or corpus.
    """
    trial = sweep.trial
    if trial.shards is None or trial.suite is None:
        raise ConfigError(f"sweep '{sweep.name}': trial.shards and trial.suite must name folders")
    manifests = [join(trial.shards, "manifest.json"), join(trial.suite, "manifest.json")]
    if not all(exists(path) for path in manifests):
        if trial.teacher is None or trial.corpus is None:
            missing = next(path for path in manifests if not exists(path))
            raise ConfigError(f"{missing} is missing and cannot be made: name trial.teacher and trial.corpus")
        _capture(sweep, stage)
    prepared = Prepared(read_manifest(trial.shards), read_manifest(trial.suite))
    _check_same_teacher(prepared, sweep)
    return prepared


def check_constraints(sweep: Sweep, trial: Trial, prepared: Prepared) -> None:
    """Raises `ConfigError` where a trial's student breaks one of the sweep's constraints."""
    vocab = prepared.signal.vocab
    sizes = {
        "student_params": params(trial.student, vocab),
        "student_bytes": size_bytes(trial.student, vocab),
    }
    for metric, rule in sweep.constraints.items():
        if not satisfies(rule, sizes[metric], prepared.context):
            teacher = prepared.signal.teacher_params
            raise ConfigError(
                f"{metric} {sizes[metric]:,} breaks the constraint '{rule}' "
                f"(the teacher has {teacher:,} parameters): make the student smaller"
            )


def _check_same_teacher(prepared: Prepared, sweep: Sweep) -> None:
    for field in ("teacher", "tokenizer", "corpus"):
        signal, suite = getattr(prepared.signal, field), getattr(prepared.suite, field)
        if signal != suite:
            raise ConfigError(
                f"{sweep.trial.suite} was made with {field} {suite}, {sweep.trial.shards} with {signal}"
            )
    corpus = sweep.trial.corpus
    if (
        corpus is not None
        and exists(join(corpus, "corpus.json"))
        and corpus_fingerprint(corpus) != prepared.signal.corpus
    ):
        raise ConfigError(
            f"{sweep.trial.shards} was captured from another corpus than {corpus} holds now: "
            "name other folders for shards and suite"
        )


def _capture(sweep: Sweep, stage: Stage) -> None:
    from kdray.metamorphic.suite import build_suite
    from kdray.students.load import load_model, load_tokenizer, weights_fingerprint
    from kdray.students.logits import TargetLogits
    from kdray.teacher.capture import capture
    from kdray.train.data import assertion_task

    trial, plan = sweep.trial, sweep.capture
    assert trial.teacher and trial.corpus and trial.shards and trial.suite  # noqa: S101 - prepare saw to it
    codec = codecs.make(plan.codec, **plan.codec_params)
    model, tokenizer = load_model(trial.teacher), load_tokenizer(trial.teacher)
    task = assertion_task(tokenizer, model.config.is_encoder_decoder, trial.encoding)
    header = ShardHeader(
        task=trial.task,
        teacher=weights_fingerprint(model),
        teacher_params=sum(parameter.numel() for parameter in model.parameters()),
        tokenizer=task.fingerprint,
        vocab=model.config.vocab_size,
        corpus=corpus_fingerprint(trial.corpus),
    )
    _keep(model, tokenizer, join(trial.shards, "teacher"))
    with stage("capture") as advance:
        rows = spread(task.rows(read_corpus(trial.corpus, "train")), plan.rows)
        capture(
            rows,
            trial.shards,
            codec,
            header,
            TargetLogits(model, task.pad_id),
            batch_size=plan.batch_size,
            rows_per_shard=plan.rows_per_shard,
            progress=advance,
        )
    with stage("suite") as advance:
        build_suite(
            model,
            task,
            sample(read_corpus(trial.corpus, "test"), plan.cases, plan.seed),
            trial.suite,
            seed=plan.seed,
            transforms=plan.transforms or None,
            variants=plan.variants_per_case,
            header=header,
            codec=codec,
            batch_size=trial.evaluation.batch_size,
            progress=advance,
        )


def _keep(model: Any, tokenizer: Any, folder: str) -> None:
    """Writes the teacher beside its signal, to a path or URI; before the manifest says that all is there."""
    with tempfile.TemporaryDirectory() as local:
        model.save_pretrained(local)
        tokenizer.save_pretrained(local)
        for file in sorted(Path(local).iterdir()):
            with open_atomic(join(folder, file.name)) as stream, file.open("rb") as saved:
                shutil.copyfileobj(saved, stream)


def spread(rows: list[Any], count: int | None) -> list[Any]:
    """`count` of the rows, evenly spaced over the corpus; all of them for None."""
    if count is None or count >= len(rows):
        return rows
    return [rows[i * len(rows) // count] for i in range(count)]
