"""Writes a trial's student as a folder that anybody can load, with the statement of what it lost.

    README.md              the model card
    model.safetensors      bfloat16 weights; config.json says float32, so that they are computed with as they
                           were measured
    tokenizer.json ...     its tokenizer, the teacher's or one of its own
    kdray.json             limits of the encoding, for `kdray predict`
    statement.json         the statement's facts as data
    onnx/                  with --onnx and --int8, and of a student that writes where it can be had
    model-*.gguf           with --gguf

Everything is made beside the destination and renamed at the end: a folder that is there is whole.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdray import results, storage
from kdray.config.metric_names import ALL_OF_RUNS
from kdray.errors import ConfigError
from kdray.handover import bench, provenance
from kdray.handover.card import Facts, card
from kdray.handover.card_metadata import check_license, of_teacher
from kdray.handover.choose import WEIGHTS, choose, student_folder
from kdray.handover.forms import Forms
from kdray.handover.push import check_name, push
from kdray.handover.usage import Family
from kdray.recorded import json_value
from kdray.results import Experiment, TrialRecord
from kdray.students.derive import config_of
from kdray.students.load import load_model, load_tokenizer, saved_encoding
from kdray.students.positions import positions_of
from kdray.tasks import Task, task_class

PUBLISHED = {
    "roberta": "RobertaForSequenceClassification",
    "bert": "BertForSequenceClassification",
    "distilbert": "DistilBertForSequenceClassification",
}
"""transformers' own classes of classifiers, by model type."""
COPIED = (WEIGHTS, "tokenizer.json", "tokenizer_config.json", "kdray.json")
NONE = Forms()
NOT_OF_THE_STUDENT = ("step", "seconds", "wall_s", "outcomes")  # but of its training


@dataclass(frozen=True)
class Exported:
    """What was written: where, of which trial, the statement's facts, and where it was uploaded to, if it was."""

    folder: str
    trial: str
    facts: Facts
    address: str | None = None


def export(
    folder: str,
    out: str | Path,
    *,
    trial: str | None = None,
    knee: bool = False,
    best: str | None = None,
    where: Sequence[str] = (),
    forms: Forms = NONE,
    license: str | None = None,
    push_to: str | None = None,
    stage: Any = lambda name: nullcontext(lambda done, total: None),
) -> Exported:
    """Exports one trial of an experiment.

    Args:
        folder: the experiment.
        out: the new folder.
        trial: the trial's key; or one of the two below.
        knee: the knee of the front.
        best: the metric to be the best in.
        where: filters on the candidates.
        forms: in what else it is written, checked and measured.
        license: as the Hub names it; None: the teacher's, where its card says one.
        push_to: a repository, user/name, that the folder is uploaded to.
        stage: a context manager by name, to show progress.

    Raises:
        ConfigError: `out` is there already, nothing or several ways of choosing, a missing extra, a family
            that has no such form.
        DataError: the student was deleted, or another form of it is not equal to it.
        StorageError: it could not be uploaded; the folder is there.
    """
    target = Path(out)
    if target.exists():
        raise ConfigError(f"{target} exists already: name another folder, or remove it")
    forms.check()
    if license is not None:
        check_license(license)
    if push_to is not None:
        check_name(push_to)
    experiment = results.experiment(folder)
    record = choose(experiment, trial=trial, knee=knee, best=best, where=where)
    teacher = of_teacher(str(record.trial.get("teacher", ""))) | ({"license": license} if license else {})
    if push_to is not None and "license" not in teacher:
        raise ConfigError("--push needs --license, such as apache-2.0: its teacher's folder says none")
    chosen = "the knee of the front" if knee else f"the best in `{best}`" if best else "a trial named by hand"
    chosen += f" with {' and '.join(where)}" if where else ""
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        sweep = provenance.of_sweep(experiment, best, where)
        facts = _fill(work, sweep, experiment, record, chosen, teacher, forms, stage)
        work.chmod(0o755)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    with stage("push") if push_to is not None else nullcontext():
        address = push(target, push_to) if push_to is not None else None
    return Exported(str(target), record.key, facts, address)


def _fill(
    work: Path,
    sweep: Mapping[str, Any],
    experiment: Experiment,
    record: TrialRecord,
    chosen: str,
    teacher: dict[str, Any],
    forms: Forms,
    stage: Any,
) -> Facts:
    """Writes all files into `work`."""
    kind = task_class(str(record.trial.get("task", "assertion")))
    _copy(student_folder(experiment, record.key), work, kind)
    model, on = load_model(work), bench.bench(record)
    if on is None and forms.asked:
        raise ConfigError(
            f"{record.key}: --onnx, --int8 and --gguf need inputs to be checked on, and the trial's suite is gone"
        )
    if on is not None:
        forms.check_student(model, on.task)
    with stage("measure"):
        kept = {name: told for name, told in record.metrics.items() if name not in ALL_OF_RUNS}
        metrics = dict(record.metrics) if on is None else {**kept, **bench.metrics(model, on)}
        latency = None if on is None else bench.latency(model, on)
        signal = None if on is None else provenance.of_signal(on)
    others = {} if on is None else forms.written(model, on, work, stage)
    facts = Facts(
        sweep=dict(sweep),
        trial=provenance.of_trial(record, chosen),
        metrics=_of_the_student(metrics),
        measured=on is not None,
        size=provenance.of_size(work, model, on),
        signal=signal,
        data=provenance.of_data(record, on),
        latency=latency,
        onnx=others.get("onnx"),
        int8=others.get("int8"),
        gguf=others.get("gguf"),
        teacher=teacher,
        chosen_by=_chosen_by(record, on),
    )
    storage.write_atomic(work / "README.md", card(facts, _family(model, kind)))
    storage.write_json(work / "statement.json", facts.as_dict())
    return facts


def _chosen_by(record: TrialRecord, on: bench.Bench | None) -> dict[str, Any]:
    """What the trial recorded, where the student is measured on other cases now."""
    return _of_the_student(record.metrics) if on is not None and on.trial.test_suite else {}


def _of_the_student(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: metric for name, metric in metrics.items() if name not in NOT_OF_THE_STUDENT}


def _family(model: Any, kind: type[Task]) -> Family:
    if kind.writes:
        return "encoder-decoder" if model.config.is_encoder_decoder else "decoder"
    if getattr(model.config, "position_embedding_type", "absolute") != "absolute":
        return "relative"
    return "classifier" if model.snippets == 1 else "pairs"


def _copy(student: str, work: Path, kind: type[Task]) -> None:
    """The student's files by name; nothing else that may lie there."""
    for name in COPIED:
        data = storage.read_bytes(place := storage.join(student, name))
        if name.endswith(".json"):  # a file of which a part was read is no JSON; weights are loaded again
            json_value(data, place)
        storage.write_atomic(work / name, data)
    config = {**storage.read_json(storage.join(student, "config.json")), "dtype": "float32"}
    limits = saved_encoding(student)
    if kind.writes:
        generation = storage.read_json(storage.join(student, "generation_config.json"))
        generation |= {"max_new_tokens": limits.max_target, "do_sample": False}
        storage.write_json(work / "generation_config.json", generation)
    else:
        if config.get("snippets", 1) == 1 and "position_embedding_type" not in config:
            # transformers has this very model, and none that reads pairs or has relative positions
            config["architectures"] = [PUBLISHED[config["model_type"]]]
        _frame_inputs(work, min(limits.max_input, positions_of(config_of(config))))
    storage.write_json(work / "config.json", config)


def _frame_inputs(work: Path, max_input: int) -> None:
    """Makes the tokenizer put a snippet between start and end token and cut it, as the task does in training."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = load_tokenizer(work)
    names = [
        (token, tokenizer.convert_tokens_to_ids(token))
        for token in (tokenizer.bos_token, tokenizer.eos_token)
    ]
    (start, _), (end, _) = names
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=names
    )
    tokenizer.model_max_length = max_input
    tokenizer.save_pretrained(work)


def summary(done: Exported) -> str:
    """A few lines for the terminal; the whole is in README.md."""
    facts = done.facts
    names = (
        "assertion_accuracy",
        "accuracy",
        "f1",
        "teacher_accuracy",
        "agreement",
        "metamorphic_discrepancy",
    )
    lines = [f"{done.trial} -> {done.folder}  ({facts.size['bytes'] / 1e6:.2f} MB, statement in README.md)"]
    lines += [f"  {name:<24} {facts.metrics[name]:.3f}" for name in names if name in facts.metrics]
    if facts.latency is not None:
        teacher = facts.latency["teacher_ms"]
        beside = "" if teacher is None else f", teacher {teacher:.0f} ms"
        lines.append(f"  one input                {facts.latency['student_ms']:.0f} ms{beside}")
    if facts.onnx is not None:
        lines.append(f"  ONNX graph               {facts.onnx['ms']:.1f} ms")
    for name, form in (("int8", facts.int8), ("GGUF", facts.gguf)):
        if form is not None:
            lines.append(f"  {name:<24} {_beside(form)}, {form['bytes'] / 1e6:.2f} MB, {form['ms']:.1f} ms")
    if done.address is not None:
        lines.append(f"  uploaded to              {done.address}")
    return "\n".join(lines)


def _beside(form: Mapping[str, Any]) -> str:
    name = next(name for name in ("assertion_accuracy", "accuracy") if name in form["form"])
    return f"accuracy {form['form'][name]:.3f} instead of {form['float'][name]:.3f}"


def as_json(done: Exported) -> str:
    """Everything, for a script."""
    written = {"folder": done.folder, "trial": done.trial, "address": done.address}
    return json.dumps(written | done.facts.as_dict(), indent=1)
