"""What is wrong with a sweep that can be told before anything is captured: no weights are read, no hub is asked.

A capture takes hours and a search days: a name that nothing has, a folder that cannot be written, a corpus of
another task, constraints that no student keeps are told first. What is not there yet (a corpus that is mined
later, a teacher that is trained later) is said and not refused.

Not here: fields and corners (`config.check`), families and cuts (`students.preflight`).
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.study import StudyDirection

from kdray.config import SNIPPETS, Sweep, Trial, as_data
from kdray.corpus.example import Split
from kdray.corpus.sample import evenly_read
from kdray.corpus.store import corpus_manifest
from kdray.errors import ConfigError, DataError
from kdray.metamorphic.transforms.registry import transform_named
from kdray.pipeline.capturing import is_sliced
from kdray.pipeline.prepare import check_made
from kdray.search.constraints import gate_of
from kdray.search.samplers import proposer
from kdray.search.space import build
from kdray.search.start_points import start_points
from kdray.search.techniques.by_name import TECHNIQUES
from kdray.storage import exists, is_uri, join, read_bytes
from kdray.students.checkpoint import check_checkpoints, checkpoint_names
from kdray.students.dealt_out import check_accelerate
from kdray.students.derive import is_plain, new_model
from kdray.students.families import shape_of
from kdray.students.load import check_padding, is_ours, load_tokenizer, shared_ids, told_encoding
from kdray.students.preflight import check_models, teacher_config
from kdray.students.quantised import method_of
from kdray.students.vocabulary import embedding_rows
from kdray.tasks import Task, task_of
from kdray.tasks.round_trip import check_round_trip
from kdray.teacher.codecs import make
from kdray.teacher.manifest import FILE
from kdray.teacher.manifest import read as read_manifest
from kdray.train.engine import check_optimizer
from kdray.train.lora import check_installed

READ = 64
"""Examples of a corpus by which its task is told."""
CHECKED = 256
"""Examples of the training split whose targets are encoded here; a capture looks at many more."""


@dataclass(frozen=True)
class Checked:
    """A sweep of which nothing is known to be wrong.

    Attributes:
        notes: what a reader should know beside, a line each.
        known: what constraints speak of (see `known_of`).
    """

    notes: tuple[str, ...]
    known: dict[str, Any]


def check(sweep: Sweep) -> Checked:
    """Raises `KdrayError` in one line where a sweep would fail after its capture has begun."""
    check_models(sweep)
    _check_extras(sweep)
    _check_places(sweep)
    _check_capture(sweep)
    notes = list(_check_corpus(sweep))
    config, source = teacher_config(sweep.trial)
    if sweep.capture.parallel is not None and config is not None and method_of(config) is not None:
        raise ConfigError(f"capture.parallel: {source} is quantised, and stays on one device: leave it out")
    task, tokenizer = _opened(sweep.trial, config, source)
    if task is not None:
        if task.form_text and not is_ours(source):
            notes.append(f"encoding: {task.form_text}")
        _check_targets(task, sweep.trial, source)
    checkpoints = check_checkpoints(sweep, asks_hub=False)
    if unknown := [name for name in checkpoint_names(sweep) if name not in checkpoints]:
        # Their sizes are not known, so neither is what constraints leave.
        return Checked((*notes, f"student.checkpoint: {', '.join(unknown)} is not here yet"), {})
    known = known_of(sweep.trial, config, tokenizer)
    known |= {"checkpoints": checkpoints} if checkpoints else {}
    notes += _check_search(sweep, known)
    return Checked(tuple(notes), known)


def _check_extras(sweep: Sweep) -> None:
    """Raises `ConfigError` where a trial would train with what is not installed."""
    whole, searched = sweep.space.get("student"), sweep.space.get("student.lora")
    students = [sweep.trial.student, *getattr(whole, "choices", ())]
    asked = [one.get("lora") if isinstance(one, dict) else getattr(one, "lora", None) for one in students]
    if any(lora is not None for lora in (*asked, *getattr(searched, "choices", ()))):
        check_installed()
    optimizers = [sweep.trial.optim.optimizer, *getattr(sweep.space.get("optim.optimizer"), "choices", ())]
    for name in optimizers:
        check_optimizer(sweep.trial.optim.model_copy(update={"optimizer": name}))
    if sweep.capture.parallel is not None:
        check_accelerate()
        if sweep.capture.parallel.cpu_gb and is_sliced(sweep):
            raise ConfigError(
                "capture.parallel.cpu_gb: the order to cut a teacher in (student.init sliced) is told from all its"
                " weights, which are not all on a GPU then: set cpu_gb 0 and more gpus, or init layers"
            )


def _check_places(sweep: Sweep) -> None:
    """Raises `ConfigError` for a local folder that cannot be made."""
    trial = sweep.trial
    named = {"storage": sweep.storage, "trial.shards": trial.shards, "trial.suite": trial.suite}
    named |= {
        "trial.test_suite": trial.test_suite,
        **{f"capture.stores.{f}": f for f in sweep.capture.stores},
    }
    for field, folder in named.items():
        if folder is None or is_uri(folder) or exists(join(folder, FILE)):
            continue
        there = next(path for path in (Path(folder), *Path(folder).parents) if path.exists())
        if not there.is_dir():
            raise ConfigError(f"{field}: {folder} cannot be made: {there} is a file")
        if not os.access(there, os.W_OK | os.X_OK):
            raise ConfigError(f"{field}: {folder} cannot be written: no file can be made in {there}")


def _check_capture(sweep: Sweep) -> None:
    """Raises `KdrayError` for a codec or a transformation that does not exist, and for folders that are neither
    there nor can be made, or of different teachers.
    """
    for store in (sweep.capture, *sweep.capture.stores.values()):
        make(store.codec, **store.codec_params)
    check_made(sweep)


def _check_corpus(sweep: Sweep) -> Iterator[str]:
    """What a reader should know of the corpus. Raises `KdrayError` where it does not serve the sweep."""
    trial, plan = sweep.trial, sweep.capture
    yield from _cases(sweep)
    if trial.corpus is None:
        return
    if not exists(join(trial.corpus, "corpus.json")):
        yield f"corpus: {trial.corpus} is not there yet"
        return
    splits = corpus_manifest(trial.corpus)["splits"]
    judged: Split = "valid" if trial.test_suite else "test"
    wanted: dict[str, tuple[str | None, int]] = {
        "train": (trial.shards, 1),
        judged: (trial.suite, plan.cases),
    }
    if trial.test_suite:
        wanted["test"] = (trial.test_suite, plan.test_cases or plan.cases)
    for split, (folder, count) in wanted.items():
        if folder is None or exists(join(folder, FILE)):
            continue
        if not splits.get(split):
            raise DataError(
                f"trial.corpus: {trial.corpus} has nothing in its {split} split, which {folder} needs"
            )
        if splits[split] < count:
            yield f"corpus: its {split} split has {splits[split]:,} examples, {count:,} cases are asked for"
    _check_task(trial, plan.transforms)


def _check_task(trial: Trial, transforms: tuple[str, ...]) -> None:
    """Raises `KdrayError` for a corpus of another task, or whose language has not the transformations."""
    import pyarrow.parquet as pq

    assert trial.corpus is not None  # noqa: S101 - the caller saw to it
    with pq.ParquetFile(io.BytesIO(read_bytes(join(trial.corpus, "examples.parquet")))) as file:
        columns = ["target", "focal", "language"]
        some = next(file.iter_batches(READ, columns=columns, use_threads=False)).to_pylist()
    labelled = all(row["target"] in ("0", "1") for row in some)
    snippets = 0 if not labelled else 2 if some[0]["focal"] else 1
    if SNIPPETS.get(trial.task, 0) != snippets:
        fitting = next((name for name, count in SNIPPETS.items() if count == snippets), "assertion")
        raise ConfigError(f"task: {trial.task}, but {trial.corpus} holds examples for task {fitting}")
    for language in sorted({row["language"] for row in some}) if trial.suite else ():
        for name in transforms:
            transform_named(language, name)


def _cases(sweep: Sweep) -> Iterator[str]:
    """Where a sweep asks for more cases than there are or will be."""
    asked, made = sweep.trial.evaluation.cases, sweep.capture.cases
    default = type(sweep.trial.evaluation).model_fields["cases"].default
    if asked > made and asked != default:
        yield f"evaluation.cases: {asked:,} are asked for, capture.cases makes {made:,}: all of those are used"


def _opened(trial: Trial, config: Any, source: str) -> tuple[Task | None, Any]:
    """The task with the teacher's tokenizer, and the tokenizer; None where there is no teacher yet."""
    if config is None:
        return None, None
    tokenizer = load_tokenizer(source)
    check_padding(config, tokenizer, source)
    encoding = told_encoding(trial.encoding, source)
    return task_of(trial.task, tokenizer, bool(config.is_encoder_decoder), encoding), tokenizer


def _check_targets(task: Task, trial: Trial, source: str) -> None:
    """Raises `DataError` where the corpus's targets do not come back from the teacher's tokens."""
    if trial.corpus is None or not exists(join(trial.corpus, "corpus.json")):
        return
    if trial.shards is not None and exists(join(trial.shards, FILE)):
        return  # looked at when they were captured
    check_round_trip(task, evenly_read(trial.corpus, "train", CHECKED), source)


def known_of(trial: Trial, config: Any, tokenizer: Any) -> dict[str, Any]:
    """What constraints speak of (`search.constraints.gate_of`), out of shards or else of the teacher's
    configuration; nothing where there is neither.
    """
    if config is None:
        return {}
    if trial.shards is not None and exists(join(trial.shards, FILE)):
        manifest = read_manifest(trial.shards)
        params, vocab = manifest.teacher_params, embedding_rows(trial.shards, manifest)
    else:
        params = params_of(config)
        vocab = config.vocab_size if trial.task in SNIPPETS else shared_ids(config, tokenizer)
    known = {"vocab": vocab, "teacher_params": params, "teacher_bytes": 4 * params}
    if trial.student.family == "teacher" or not is_plain(config):
        known["teacher_config"] = config.to_dict()
    teacher = shape_of(config)
    return known if teacher is None else {**known, "teacher": as_data(teacher)}


def params_of(config: Any) -> int:
    """Parameters of a model of this configuration, which is built without weights."""
    import torch

    with torch.device("meta"):
        return sum(parameter.numel() for parameter in new_model(config).parameters())


def _check_search(sweep: Sweep, known: dict[str, Any]) -> list[str]:
    """Raises `ConfigError` for an unknown sampler, a grid that does not come out, a start point that may not be
    trained, or a space of which nothing may; says so where the base trial may not.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if ":" in sweep.search.sampler:  # somebody's code, which a check does not run
        sweep = sweep.model_copy(update={"search": sweep.search.model_copy(update={"sampler": "random"})})
    space = build(sweep)
    if not known:  # nothing is known of sizes then
        sweep = sweep.model_copy(update={"constraints": {}})
    gate = gate_of(sweep, known)
    names = {"max": StudyDirection.MAXIMIZE, "min": StudyDirection.MINIMIZE}
    asks = proposer(sweep, space, gate, [names[mode] for mode in sweep.objectives.values()], seed=0)
    if known and sweep.search.sampler not in TECHNIQUES:
        asks.propose()
    start_points(sweep, space, gate)
    refused = gate.refusal({})
    return [f"base trial: {refused}: what the space puts in its place may be trained"] if refused else []
