"""Verbs for what a sweep reads: corpora, teachers, the teacher's signal."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from kdray.cli.apps import Json, Set, SweepFile, app, corpus_app, shards_app, show, show_data, teacher_app
from kdray.errors import ConfigError, DataError, nearest

Seconds = Annotated[float, typer.Option(min=0.1, help="that one run may take")]
Unsafe = Annotated[
    bool,
    typer.Option(
        "--unsafe", help="run also where the system cannot confine: network and files are open then"
    ),
]
Force = Annotated[bool, typer.Option("--force", help="write over a corpus that is there")]


@corpus_app.command("mine")
def corpus_mine(
    out: Annotated[str, typer.Option(help="folder of the new corpus")],
    sources: Annotated[
        list[str] | None, typer.Argument(help="installed packages or folders; none means the demo's")
    ] = None,
    language: Annotated[str, typer.Option(help="python, or java: whole checkouts")] = "python",
    body: Annotated[
        bool, typer.Option("--body", help="Python: contexts without the test's decorators and fixtures")
    ] = False,
    doctests: Annotated[bool, typer.Option("--doctests", help="Python: examples in docstrings too")] = False,
    given_away: Annotated[
        bool, typer.Option("--given-away", help="keep test cases whose assertion stands in their context")
    ] = False,
    files: Annotated[
        int | None, typer.Option(min=1, help="test files at most, taken evenly; default: all")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Mine assertions from test files.   Example: kdray corpus mine networkx ./mine --out corpora/mine"""
    from kdray.console import stage
    from kdray.corpus.left_out import LeftOut
    from kdray.corpus.mine import DEMO_PACKAGES, Options, mine
    from kdray.corpus.store import write_corpus

    if not sources and language != "python":
        raise ConfigError(f"--language {language}: name the folders to mine")
    if language != "python" and (body or doctests):
        raise ConfigError(f"--{'body' if body else 'doctests'}: for Python, not for --language {language}")
    _check_new(out, force)
    named, left_out = sources or list(DEMO_PACKAGES), LeftOut()
    options = Options(whole=not body, doctests=doctests, given_away=given_away, files=files)
    with stage("corpus") as advance:
        examples = mine(named, progress=advance, language=language, left_out=left_out, options=options)
        manifest = write_corpus(out, examples, named, left_out)
    show_data({"corpus": out, **manifest}, as_json)


@corpus_app.command("import")
def corpus_import(
    source: Annotated[str, typer.Argument(help="a folder or file")],
    out: Annotated[str, typer.Option(help="folder of the new corpus")],
    language: Annotated[str | None, typer.Option(help="of labelled code, where it does not say")] = None,
    split: Annotated[
        str, typer.Option(help="given: the set's own; file: its training part alone, anew by file")
    ] = "given",
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Import a published set: Java assertions (masked tests, Methods2Test, ATLAS, AsserT5), labelled pairs or
    functions (CodeXGLUE).   Example: kdray corpus import data/java_assertions --out corpora/java
    """
    from kdray.console import stage
    from kdray.corpus.layouts import LABELLED, import_examples
    from kdray.corpus.splits import by_file
    from kdray.corpus.store import write_corpus

    if split not in (splits := ("given", "file")):
        raise ConfigError(f"--split '{split}'{nearest(split, splits)}")
    _check_new(out, force)
    with stage("import") as advance:
        read = import_examples(source, language, advance)
        if split == "file" and read.layout == LABELLED:
            raise ConfigError(f"--split file: {source} holds {LABELLED}, which belongs to no test files")
        examples = by_file(read.examples) if split == "file" else read.examples
        manifest = write_corpus(out, examples, [source], read.why)
    show_data({"corpus": out, "layout": read.layout, **manifest}, as_json)


def _check_new(out: str, force: bool) -> None:
    """Raises `ConfigError` where a corpus is there already that nobody asked to write over."""
    from kdray.storage import exists, join

    if not force and exists(join(out, "corpus.json")):
        raise ConfigError(
            f"--out {out}: there is a corpus already: choose another folder, or --force replaces it"
        )


@corpus_app.command("show")
def corpus_show(
    folder: str,
    count: Annotated[int, typer.Option(help="how many examples")] = 3,
    as_json: Json = False,
) -> None:
    """Print some examples of a corpus, and what was left out of it.   Example: kdray corpus show corpora/mine
    --count 5
    """
    from dataclasses import asdict

    from kdray.corpus.left_out import told
    from kdray.corpus.sample import sample
    from kdray.corpus.store import corpus_manifest, read_corpus

    shown = sample(read_corpus(folder), count)
    if as_json:
        show_data({**corpus_manifest(folder), "examples": [asdict(example) for example in shown]}, as_json)
        return
    for example in shown:
        mark = ", stands in its own context" if example.is_given_away else ""
        show(
            f"# {example.group} {example.test} [{example.split}{mark}] {example.focal}\n"
            f"{example.context}>>> {example.target}{example.after}\n"
        )
    for line in told(corpus_manifest(folder).get("left_out_because", {})):
        show(line)


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
        result = train_teacher(plan, out, report, lambda step, loss: advance(step, plan.budget.steps))
    told = {"teacher": out, **{name: result[name] for name in ("params", "seconds", "corpus")}}
    show_data(told | ({"exam": _exam(out, plan.corpus, cases)} if cases else {}), as_json)


@corpus_app.command("runnable")
def corpus_runnable(
    corpus: str,
    cases: Annotated[
        int | None, typer.Option(help="examples of each split, from each file in turn; default: all")
    ] = None,
    seconds: Seconds = 5.0,
    unsafe: Unsafe = False,
    as_json: Json = False,
) -> None:
    """Which held-out tests of a Python corpus pass alone, here.   Example: kdray corpus runnable corpora/python"""
    from kdray.console import stage
    from kdray.execution.ask import How
    from kdray.execution.runnable_tests import FILE, find_runnable
    from kdray.storage import join

    with stage("run") as advance:
        kept = find_runnable(corpus, cases, How(seconds, unsafe=unsafe), advance)
    found = {split: len(ids) for split, ids in kept["runnable"].items()}
    show_data({"runnable": join(corpus, FILE), **found, "left_out": kept["left_out"]}, as_json)


@teacher_app.command("eval")
def teacher_eval(
    teacher: str,
    corpus: Annotated[str, typer.Option(help="a corpus; its test split is used")],
    cases: Annotated[int, typer.Option(help="held-out assertions, taken from each file in turn")] = 800,
    run: Annotated[
        bool, typer.Option("--run", help="Python: run what is written in place of each assertion")
    ] = False,
    mutants: Annotated[
        int, typer.Option(min=0, help="with --run: faults put into the code under test of each, at most")
    ] = 10,
    seconds: Seconds = 5.0,
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
    from kdray.execution.ask import How
    from kdray.execution.runnable_tests import examine_by_running

    with stage("run") as advance:
        how = How(seconds, unsafe=unsafe)
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
) -> None:
    """Write pickled weights, or a GGUF file's, as safetensors; nothing in the pickle is run.   Example: kdray
    teacher convert models/codebert --out models/codebert-safetensors
    """
    from kdray.students import gguf, unpickle

    convert = gguf.convert if source.endswith(gguf.ENDING) else unpickle.convert
    show(f"{out}: {', '.join(convert(source, out))}")


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
    from kdray.console import stage
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
    from kdray.students.load import load_model, load_tokenizer, weights_fingerprint
    from kdray.students.logits import WholeLogits
    from kdray.teacher import manifest
    from kdray.teacher.verify import verify

    forward, others = None, []
    if teacher:
        model, said = load_model(teacher), manifest.read(folder)
        vocab = said.vocab
        if (found := weights_fingerprint(model)) != said.teacher:
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
def shards_show(folder: str, row: Annotated[int, typer.Option(help="which row")] = 0) -> None:
    """A record as a person would read it.   Example: kdray shards show runs/demo-data/signal --row 7"""
    from kdray.storage import join
    from kdray.students.load import load_tokenizer
    from kdray.teacher.cache import local_folder
    from kdray.teacher.verify import show as show_row

    tokenizer = load_tokenizer(local_folder(join(folder, "teacher")))
    show("\n".join(show_row(folder, row, tokenizer.decode)))
