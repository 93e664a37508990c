"""Verbs for what a sweep reads: teachers, the teacher's signal."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from kdray.cli.apps import (
    Json,
    Set,
    SweepFile,
    app,
    on_bar,
    shards_app,
    show,
    show_data,
    show_json,
    teacher_app,
)
from kdray.cli.corpus_verbs import Classpath, Seconds, Sources, Unsafe, how_asked
from kdray.errors import ConfigError, DataError


@teacher_app.command("train")
def teacher_train(
    out: Annotated[str, typer.Option(help="folder of the new teacher")],
    recipe: Annotated[
        str | None,
        typer.Argument(metavar="[RECIPE]", help="a recipe file (YAML); none: the packaged one for --from"),
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option("--from", help="fine-tune this model, a folder or hub name")
    ] = None,
    corpus: Annotated[str | None, typer.Option(help="a corpus, instead of the recipe's")] = None,
    cases: Annotated[int, typer.Option(min=0, help="held-out cases of the exam at the end; 0: none")] = 200,
    set_: Set = None,
    as_json: Json = False,
) -> None:
    """Train a teacher from nothing, or fine-tune a pretrained model with its own tokenizer; interrupted, it goes
    on.

    Example: kdray teacher train --from models/smollm2 --corpus corpora/python --out teachers/smollm2
    """
    from kdray.config import load_recipe
    from kdray.console import say, stage
    from kdray.corpus.store import corpus_manifest
    from kdray.packaged import packaged
    from kdray.train.teacher import train_teacher

    if recipe is None and checkpoint is None:
        raise ConfigError("name a recipe file, or a model to fine-tune with --from")
    asked = list(set_ or ())
    asked += [] if checkpoint is None else ["student=" + json.dumps({"checkpoint": checkpoint})]
    asked += [] if corpus is None else ["corpus=" + json.dumps(corpus)]
    plan = load_recipe(recipe or packaged("demo/pretrained-teacher.yaml"), asked)
    if cases and not corpus_manifest(plan.corpus)["splits"].get("test"):
        say(f"exam      none: {plan.corpus} has no test split")
        cases = 0

    def report(metrics: dict[str, Any]) -> None:
        say(
            "  ".join(
                f"{name} {metrics[name]:,.4g}" for name in ("step", "train_loss", "held_out_loss", "seconds")
            )
        )

    with stage("teacher") as advance:
        result = train_teacher(plan, out, report, on_bar(advance, plan.budget.steps))
    told = {"teacher": out, **{name: result[name] for name in ("params", "seconds", "corpus")}}
    show_data(told | ({"exam": _exam(out, plan.corpus, cases)} if cases else {}), as_json)


@teacher_app.command("eval")
def teacher_eval(
    teacher: str,
    corpus: Annotated[str, typer.Option(help="a corpus; its test split is used")],
    cases: Annotated[
        int, typer.Option(min=1, help="held-out assertions, taken from each file in turn")
    ] = 800,
    run: Annotated[
        bool, typer.Option("--run", help="run what is written in place of each assertion")
    ] = False,
    mutants: Annotated[
        int, typer.Option(min=0, help="with --run: faults put into the code under test of each, at most")
    ] = 10,
    seconds: Seconds = 5.0,
    classpath: Classpath = "",
    sources: Sources = None,
    unsafe: Unsafe = False,
    as_json: Json = False,
) -> None:
    """Examine a teacher beside the baselines.   Example: kdray teacher eval teachers/python --corpus
    corpora/python
    """
    if not run:
        show_data(_exam(teacher, corpus, cases), as_json)
        return
    from kdray.console import stage
    from kdray.execution.runnable_tests import examine_by_running

    with stage("run") as advance:
        how = how_asked(seconds, unsafe, classpath, sources)
        judged = examine_by_running(teacher, corpus, cases, mutants, how, advance)
    show_data(judged.as_data(), as_json)


def _exam(teacher: str, corpus: str, cases: int) -> dict[str, dict[str, Any]]:
    from kdray.console import say, stage
    from kdray.evaluation.examine import doubt, examine

    with stage("exam") as advance:
        found = examine(teacher, corpus, cases, advance)
    if doubted := doubt(found):
        say(f"warning: {doubted}")
    return found


@teacher_app.command("convert")
def teacher_convert(
    source: Annotated[
        str, typer.Argument(help="a transformers folder with pytorch_model.bin, or a GGUF file")
    ],
    out: Annotated[str, typer.Option(help="the same as a transformers folder with safetensors")],
    as_json: Json = False,
) -> None:
    """Write pickled weights, or a GGUF file's, as safetensors; nothing in the pickle is run.   Example: kdray
    teacher convert models/codebert --out models/codebert-safetensors
    """
    from kdray.students import gguf, unpickle

    convert = gguf.convert if source.endswith(gguf.ENDING) else unpickle.convert
    show_data({"teacher": out, "files": list(convert(source, out))}, as_json)


@app.command()
def capture(
    sweep: SweepFile,
    greedy: Annotated[
        bool, typer.Option("--greedy", help="on the teacher's own answers, for sequence-level distillation")
    ] = False,
    address: Annotated[
        str | None, typer.Option(help="of a running Ray; without it one is started here")
    ] = None,
    set_: Set = None,
    as_json: Json = False,
) -> None:
    """Store the teacher's signal and suite that a sweep reads.   Example: kdray capture sweeps/python.yaml"""
    from kdray.config import load_sweep
    from kdray.console import near, say, stage
    from kdray.pipeline.folders import absolute
    from kdray.pipeline.prepare import prepare
    from kdray.teacher.manifest import dump
    from kdray.workers import ray_session

    plan = absolute(load_sweep(sweep, set_ or ()))
    if greedy:
        plan = plan.model_copy(update={"capture": plan.capture.model_copy(update={"targets": "greedy"})})
    made = prepare(plan, stage, ray_session.opened(plan.resources, address))
    if greedy and made.signal.header.targets != "greedy":
        raise ConfigError(f"{plan.trial.shards} holds the signal on the ground truth: name another folder")
    parts = {"signal": made.signal, "suite": made.suite, "test_suite": made.test_suite}
    whole = {name: json.loads(dump(part)) for name, part in parts.items() if part is not None}
    trial = plan.trial
    for name, folder in (("signal", trial.shards), ("suite", trial.suite), ("test", trial.test_suite)):
        if folder is not None:
            say(f"{name:<9} in {near(folder)}")
    show_data(whole if as_json else {name: _counts(part) for name, part in whole.items()}, as_json)


def _counts(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest without its list of files."""
    return {name: value for name, value in manifest.items() if name not in ("shards", "state")}


@shards_app.command("verify")
def shards_verify(
    folder: str,
    teacher: Annotated[str | None, typer.Option(help="recompute a sample with this teacher")] = None,
    as_json: Json = False,
) -> None:
    """Check every byte, decode everything.   Example: kdray shards verify runs/demo-data/signal"""
    from dataclasses import asdict, replace

    from kdray.console import say, stage
    from kdray.students.kept_weights import is_kept_whole
    from kdray.students.load import load_model, load_tokenizer
    from kdray.students.logits import WholeLogits
    from kdray.students.source_weights import SourceWeights
    from kdray.teacher import manifest
    from kdray.teacher.verify import verify

    forward, others = None, []
    if teacher:
        model, said = load_model(teacher), manifest.read(folder)
        vocab = said.vocab
        if (found := SourceWeights.of(teacher).fingerprint) != said.teacher:
            others = [f"not the weights that these shards name: {teacher} has {found}, they {said.teacher}"]
        if model.config.vocab_size < vocab:
            raise DataError(
                f"{folder}: made with a vocabulary of {vocab:,}, {teacher} has {model.config.vocab_size:,}"
            )
        if model.config.vocab_size > vocab:
            say(
                f"{teacher}: {model.config.vocab_size:,} logits, compared on the {vocab:,} ids that are shared"
            )
        # transformers' own forward pass, not the pieces that made the shards
        forward = WholeLogits(model, load_tokenizer(teacher).pad_token_id, vocab)
    if not is_kept_whole(folder):
        others.append(
            "the teacher kept beside these shards has other weights: students would begin with them"
        )
    with stage("verify") as advance:
        verified = verify(folder, forward, progress=advance)
    verified = replace(verified, warnings=(*others, *verified.warnings))
    for warning in verified.warnings:
        say(f"warning: {warning}")
    show_data(asdict(verified), as_json)


@shards_app.command("show")
def shards_show(
    folder: str, row: Annotated[int, typer.Option(help="which row")] = 0, as_json: Json = False
) -> None:
    """A record as a person would read it.   Example: kdray shards show runs/demo-data/signal --row 7"""
    from kdray.storage import join
    from kdray.students.load import load_tokenizer
    from kdray.teacher.cache import local_folder
    from kdray.teacher.verify import show as show_row

    if as_json:
        show_json(_row(folder, row))
        return
    tokenizer = load_tokenizer(local_folder(join(folder, "teacher")))
    show("\n".join(show_row(folder, row, tokenizer.decode)))


def _row(folder: str, number: int) -> dict[str, Any]:
    """A record as data: token ids, and of each target what the teacher says at T = 1."""
    import numpy as np

    from kdray.teacher.shards import ShardSource

    source = ShardSource.open(folder)
    if not 0 <= number < len(source):
        raise DataError(f"{folder}: no row {number}: it has rows 0 to {len(source) - 1}")
    (row,), signal = source.take([number])
    heads = zip(
        signal.ids_NK.tolist(),
        np.exp(signal.logprobs_NK).tolist(),
        np.exp(signal.tail_N).tolist(),
        strict=True,
    )
    said = [
        {"tokens": [[token, p] for token, p in zip(ids, shares, strict=True) if p > 0], "tail": tail}
        for ids, shares, tail in heads
    ]
    return {
        "row": number,
        "id": row.id,
        "input": row.input_ids.tolist(),
        "labels": row.labels.tolist(),
        "teacher": said,
    }
