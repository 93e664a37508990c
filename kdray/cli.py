"""The command line: parse, call, print. Data goes to stdout, everything else to stderr.

Heavy imports happen inside the commands, so that `kdray --help` answers at once. Exit codes: 0 done, 1 ran
but did not reach what was asked, 2 bad usage or bad file, 130 interrupted. A user's mistake costs one line, a
bug its traceback.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from kdray.errors import ConfigError, KdrayError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Find the small code model that still behaves like the big one. Begin with: kdray demo",
)
corpus_app = typer.Typer(no_args_is_help=True, help="Real tests as examples: mine, show.")
teacher_app = typer.Typer(no_args_is_help=True, help="Train a teacher, or examine one.")
shards_app = typer.Typer(no_args_is_help=True, help="The teacher's stored signal: verify, show.")
app.add_typer(corpus_app, name="corpus")
app.add_typer(teacher_app, name="teacher")
app.add_typer(shards_app, name="shards")

SweepFile = Annotated[str, typer.Argument(metavar="SWEEP", help="a sweep file (YAML)")]
Runs = Annotated[str, typer.Option(help="folder of the experiments")]
Objectives = Annotated[
    str | None, typer.Option(help="metric:max,metric:min of any recorded metrics, instead of the sweep's own")
]
Where = Annotated[
    list[str] | None, typer.Option(help="keep trials such as 'student_params <= 2e6'; may be repeated")
]
Json = Annotated[bool, typer.Option("--json", help="print a machine-readable summary")]


def show(text: str) -> None:
    """Data, on stdout."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def show_json(value: Any) -> None:
    """Data as JSON, on stdout."""
    show(json.dumps(value, indent=1))


@app.command()
def demo(
    runs: Runs = "runs",
    train_teacher: Annotated[
        bool, typer.Option(help="train a small teacher here instead of the packaged one")
    ] = False,
    as_json: Json = False,
) -> None:
    """The whole job on real tests, in minutes on two cores: corpus, teacher, signal, sweep, front.

    Run again it uses what is there; interrupted anywhere, it goes on.   Example: kdray demo --json >
    demo.json
    """
    from kdray.demo.run import run_demo
    from kdray.launch.finish import finish

    finished = run_demo(runs, train_teacher=train_teacher)
    finish(finished.launched, finished.marks, as_json=as_json, show=show)


@corpus_app.command("mine")
def corpus_mine(
    out: Annotated[str, typer.Option(help="folder of the new corpus")],
    sources: Annotated[
        list[str] | None, typer.Argument(help="installed packages or folders; none means the demo's")
    ] = None,
) -> None:
    """Mine assertions from test files.   Example: kdray corpus mine networkx ./mine --out corpora/mine"""
    from kdray.console import stage
    from kdray.corpus.mine import DEMO_PACKAGES, mine
    from kdray.corpus.store import write_corpus

    named = sources or list(DEMO_PACKAGES)
    with stage("corpus") as advance:
        manifest = write_corpus(out, mine(named, progress=advance), named)
    show_json(manifest)


@corpus_app.command("import")
def corpus_import(
    source: Annotated[str, typer.Argument(help="a folder or file of labelled code")],
    out: Annotated[str, typer.Option(help="folder of the new corpus")],
    language: Annotated[str | None, typer.Option(help="of the code, where it does not say")] = None,
) -> None:
    """Import labelled pairs or functions (CodeXGLUE, JSON lines).   Example: kdray corpus import data/bcb --out
    corpora/bcb
    """
    from kdray.corpus.labelled import labelled_examples
    from kdray.corpus.store import write_corpus

    show_json(write_corpus(out, labelled_examples(source, language), [source]))


@corpus_app.command("show")
def corpus_show(folder: str, count: Annotated[int, typer.Option(help="how many examples")] = 3) -> None:
    """Print some examples of a corpus.   Example: kdray corpus show corpora/mine --count 5"""
    from kdray.corpus.sample import sample
    from kdray.corpus.store import read_corpus

    for example in sample(read_corpus(folder), count):
        show(
            f"# {example.group} {example.test} [{example.split}] {example.focal}\n"
            f"{example.context}>>> {example.target}\n"
        )


@teacher_app.command("train")
def teacher_train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="a recipe file (YAML)")],
    out: Annotated[str, typer.Option(help="folder of the new teacher")],
) -> None:
    """Train a teacher; interrupted, it goes on.   Example: kdray teacher train kdray/demo/teacher.yaml --out
    teachers/python
    """
    from kdray.config import load_recipe
    from kdray.console import say, stage
    from kdray.train.teacher import train_teacher

    plan = load_recipe(recipe)

    def report(metrics: dict[str, Any]) -> None:
        say(
            "  ".join(
                f"{name} {metrics[name]:,.4g}" for name in ("step", "train_loss", "held_out_loss", "seconds")
            )
        )

    with stage("teacher") as advance:
        result = train_teacher(plan, out, report, lambda step, loss: advance(step, plan.budget.steps))
    show_json({name: result[name] for name in ("params", "seconds", "corpus")})


@teacher_app.command("eval")
def teacher_eval(
    teacher: str,
    corpus: Annotated[str, typer.Option(help="a corpus; its test split is used")],
    cases: Annotated[int, typer.Option(help="held-out assertions, taken from each file in turn")] = 800,
) -> None:
    """Examine a teacher beside the baselines.   Example: kdray teacher eval teachers/python --corpus
    corpora/python
    """
    from kdray.console import stage
    from kdray.train.exam import examine

    with stage("exam") as advance:
        show_json(examine(teacher, corpus, cases, advance))


@app.command()
def capture(
    sweep: SweepFile,
    greedy: Annotated[
        bool, typer.Option("--greedy", help="on the teacher's own answers, for sequence-level distillation")
    ] = False,
    address: Annotated[
        str | None, typer.Option(help="of a running Ray; without it one is started here")
    ] = None,
) -> None:
    """Store the teacher's signal and suite that a sweep reads.   Example: kdray capture sweeps/python.yaml"""
    from kdray.config import load_sweep
    from kdray.console import stage
    from kdray.launch.pipeline import absolute
    from kdray.launch.prepare import prepare
    from kdray.search import session
    from kdray.teacher.manifest import dump

    plan = absolute(load_sweep(sweep))
    if greedy:
        plan = plan.model_copy(update={"capture": plan.capture.model_copy(update={"targets": "greedy"})})
    made = prepare(plan, stage, session.opened(plan.resources, address))
    show_json({"signal": json.loads(dump(made.signal)), "suite": json.loads(dump(made.suite))})


@app.command()
def validate(sweeps: Annotated[list[str], typer.Argument(metavar="SWEEP...", help="sweep files")]) -> None:
    """Check sweep files: every corner of the space is put into a whole trial.   Example: kdray validate
    sweeps/*.yaml
    """
    from kdray.config import load_sweep

    for path in sweeps:
        sweep = load_sweep(path)
        show(f"{path}: fine: {sweep.search.trials} trials over {', '.join(sweep.space)}")


@app.command()
def trial(
    sweep: SweepFile,
    set_: Annotated[list[str] | None, typer.Option("--set", help="a.b=c, overrides the base trial")] = None,
    export: Annotated[str | None, typer.Option(help="write the student here")] = None,
) -> None:
    """Run a sweep's base trial in this process, without Ray.   Example: kdray trial sweeps/python.yaml --set
    distil.alpha=0
    """
    from kdray.config import load_sweep, merge, parse_overrides
    from kdray.console import say, stage
    from kdray.launch.pipeline import absolute
    from kdray.launch.prepare import check_constraints, prepare
    from kdray.train import TrialRun

    loaded = absolute(load_sweep(sweep))
    one = merge(loaded.trial, parse_overrides(set_ or []), sweep)
    prepared = prepare(loaded.model_copy(update={"trial": one}), stage)
    check_constraints(loaded, one, prepared)
    with stage("trial") as advance:
        run = TrialRun(one, progress=lambda step, loss: advance(step, one.budget.steps))
        metrics: dict[str, Any] = {}
        while not run.done:
            metrics = run.next_rung()
            say(
                f"step {run.step}: "
                + "  ".join(f"{k} {v:.4g}" for k, v in metrics.items() if isinstance(v, float))
            )
        if export:
            run.export(export)
        run.close()
    show_json(metrics)


@app.command()
def launch(
    sweep: SweepFile,
    resume: Annotated[bool, typer.Option(help="go on if it was begun")] = False,
    on: Annotated[str, typer.Option(help="local, ray, slurm or kuberay")] = "local",
    address: Annotated[
        str | None, typer.Option(help="of a running Ray: its job server (ray), or itself (local)")
    ] = None,
    folder: Annotated[
        str | None, typer.Option(help="where the sweep's relative folders begin there (ray, slurm, kuberay)")
    ] = None,
    image: Annotated[str | None, typer.Option(help="container image with kdray (kuberay)")] = None,
    dry_run: Annotated[bool, typer.Option(help="print what would be submitted")] = False,
    as_json: Json = False,
) -> None:
    """Run a sweep: capture what is missing, search, report.   Example: kdray launch sweeps/python.yaml --on
    slurm --dry-run
    """
    from kdray.config import load_sweep

    if on == "local":
        from kdray.launch.finish import launch_and_finish

        if dry_run:
            raise ConfigError(
                "--dry-run: nothing is submitted with --on local; kdray validate checks the file"
            )
        launch_and_finish(load_sweep(sweep), resume=resume, address=address, as_json=as_json, show=show)
        return
    from kdray.launch.places import place
    from kdray.launch.places.request import request

    asked, there = request(sweep, folder=folder, address=address, image=image), place(on)
    text = there.render(asked)
    if dry_run:
        show(text)
    else:
        sys.exit(there.submit(asked, text))


@app.command()
def resume(
    name: str,
    runs: Runs = "runs",
    trials: Annotated[
        int | None, typer.Option(help="ask for this many trials in all, to extend a sweep")
    ] = None,
    fork: Annotated[
        str | None, typer.Option(help="begin the sweep in this file instead, knowing the trials of NAME")
    ] = None,
    as_json: Json = False,
) -> None:
    """Go on with a sweep that was interrupted, or extend it.   Example: kdray resume demo --trials 20"""
    from kdray.config import load_sweep
    from kdray.launch.finish import launch_and_finish
    from kdray.results import read_sweep

    old = experiment_folder(name, runs)
    sweep = load_sweep(fork) if fork else read_sweep(old)
    if trials is not None:
        sweep = sweep.model_copy(update={"search": sweep.search.model_copy(update={"trials": trials})})
    launch_and_finish(sweep, resume=not fork, fork=old if fork else None, as_json=as_json, show=show)


@app.command()
def stop(name: str, runs: Runs = "runs") -> None:
    """End a running sweep cleanly, from another terminal.   Example: kdray stop demo"""
    from kdray.search.experiment import stop as stop_sweep

    runs_now = stop_sweep(experiment_folder(name, runs))
    show(f"{name}: {'asked to stop; go on with kdray resume ' + name if runs_now else 'nobody runs it'}")


@app.command()
def status(name: str, runs: Runs = "runs", as_json: Json = False) -> None:
    """How far a sweep is, also while it runs.   Example: kdray status demo"""
    from dataclasses import asdict

    from kdray.search.experiment import status as status_of

    found = status_of(experiment_folder(name, runs))
    show_json(asdict(found)) if as_json else show(status_text(found))


@app.command()
def pareto(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="sweeps, by name or folder")],
    runs: Runs = "runs",
    objectives: Objectives = None,
    where: Where = None,
    html: Annotated[str | None, typer.Option(help="write the report here")] = None,
    csv: Annotated[str | None, typer.Option(help="write every trial here")] = None,
    latex: Annotated[str | None, typer.Option(help="write the front as a LaTeX table")] = None,
    markdown: Annotated[str | None, typer.Option(help="write the front as a Markdown table")] = None,
    svg: Annotated[str | None, typer.Option(help="draw the front")] = None,
    png: Annotated[str | None, typer.Option(help="draw the front (needs the extra png)")] = None,
    as_json: Json = False,
) -> None:
    """The front of one or more sweeps, finished or running.   Example: kdray pareto demo --html front.html"""
    from kdray.report.show import report

    folders = [experiment_folder(name, runs) for name in names]
    files = {"html": html, "csv": csv, "latex": latex, "markdown": markdown, "svg": svg, "png": png}
    show(report(folders, objectives=objectives, where=where or (), files=files, as_json=as_json))


@app.command()
def compare(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME NAME...", help="sweeps; seeds of one technique as a,b or label=a,b"),
    ],
    runs: Runs = "runs",
    budget: Annotated[str, typer.Option(help="what is made equal: trials or seconds")] = "trials",
    objectives: Objectives = None,
    where: Where = None,
    svg: Annotated[str | None, typer.Option(help="draw what each attained")] = None,
    as_json: Json = False,
) -> None:
    """Sweeps or techniques side by side at equal budget.   Example: kdray compare tpe-0,tpe-1 random-0,random-1"""
    from kdray.report.versus import grouped, versus

    groups = grouped(names)
    folders = {name: [experiment_folder(one, runs) for one in members] for name, members in groups.items()}
    show(versus(folders, budget=budget, objectives=objectives, where=where or (), svg=svg, as_json=as_json))


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="a sweep, by name or folder")],
    names: Annotated[
        list[str], typer.Argument(metavar="[TRIAL] OUT", help="a trial's key, and a new folder")
    ],
    runs: Runs = "runs",
    knee: Annotated[bool, typer.Option(help="the knee of the front instead of a named trial")] = False,
    best: Annotated[str | None, typer.Option(help="the best in this metric instead")] = None,
    max_params: Annotated[
        float | None, typer.Option(help="of students with at most so many parameters")
    ] = None,
    where: Where = None,
    onnx: Annotated[bool, typer.Option(help="an ONNX graph too, checked (needs the extra onnx)")] = False,
    int8: Annotated[bool, typer.Option(help="quantised to 8 bits too, and what that costs measured")] = False,
    as_json: Json = False,
) -> None:
    """A student as a Hugging Face folder, with a card that says what it lost.   Example: kdray export demo
    --knee shipped
    """
    from kdray.console import stage
    from kdray.handover import export as handover

    if len(names) > 2:
        raise ConfigError(f"export: name one trial and one folder, not {' '.join(names)}")
    limit = [] if max_params is None else [f"student_params <= {max_params:g}"]
    done = handover.export(
        experiment_folder(name, runs),
        names[-1],
        trial=names[0] if len(names) == 2 else None,
        knee=knee,
        best=best,
        where=[*(where or ()), *limit],
        with_onnx=onnx,
        with_int8=int8,
        stage=stage,
    )
    show(handover.as_json(done) if as_json else handover.summary(done))


@app.command()
def predict(
    model: Annotated[str, typer.Argument(help="folder of a student")],
    file: Annotated[
        str, typer.Argument(help="a test with <ASSERT> where the assertion goes; - reads stdin")
    ] = "-",
    language: Annotated[str | None, typer.Option(help="python or java, where the name does not tell")] = None,
    count: Annotated[int, typer.Option(help="how many assertions")] = 5,
    as_json: Json = False,
) -> None:
    """Assertions for a test, ranked, with the model's confidence.   Example: kdray predict shipped test_cart.py"""
    from kdray.handover.predict import predict_source, read_source

    path = "" if file == "-" else file
    show(predict_source(model, read_source(file), path, language=language, count=count, as_json=as_json))


@app.command()
def metamorphic(
    models: Annotated[
        list[str],
        typer.Argument(metavar="TEACHER STUDENT...", help="model folders or published files, in pairs"),
    ],
    data: Annotated[
        list[str] | None, typer.Option(help="labelled code: a folder, a file or a corpus; one a task")
    ] = None,
    attack: Annotated[
        list[str] | None, typer.Option(help="mhm, wir_random, alert, beam, composition, style; repeatable")
    ] = None,
    both_ways: Annotated[
        bool, typer.Option("--both-ways", help="each pair also with its roles exchanged")
    ] = False,
    cases: Annotated[int, typer.Option(min=1, help="clean inputs")] = 200,
    variants: Annotated[int, typer.Option(min=1, help="variants of each transformation")] = 40,
    items: Annotated[int, typer.Option(min=1, help="inputs that are attacked")] = 30,
    budget: Annotated[int, typer.Option(min=1, help="queries of an attack on one input")] = 300,
    masked_model: Annotated[
        str | None, typer.Option(help="proposes names for ALERT and beam where the data brings none")
    ] = None,
    language: Annotated[str | None, typer.Option(help="of the data, where it does not say")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of cases, variants and attacks")] = 0,
    out: Annotated[str | None, typer.Option(help="write HTML, Markdown and JSON into this folder")] = None,
    as_json: Json = False,
) -> None:
    """Whether students mimic their teachers: relations on variants, and attacks.   Example: kdray metamorphic
    teachers/clone students/small --data data/bcb --attack alert
    """
    from dataclasses import replace

    from kdray.console import say, stage
    from kdray.metamorphic.arena import comparisons
    from kdray.metamorphic.compare import Plan
    from kdray.report.mimicry import as_data, to_text, write

    plan = Plan(cases, variants, attacks=tuple(attack or ()), items=items, budget=budget, seed=seed)
    if masked_model:
        from kdray.metamorphic.attacks.masked import MaskedNames

        plan = replace(plan, propose=MaskedNames.load(masked_model))
    with stage("compare") as advance:
        found = comparisons(
            models, data or [], plan, both_ways=both_ways, language=language, progress=advance
        )
    show_json(as_data(found)) if as_json else show(to_text(found))
    for path in write(out, found) if out else ():
        say(f"report    {path}")


@shards_app.command("verify")
def shards_verify(
    folder: str,
    teacher: Annotated[str | None, typer.Option(help="recompute a sample with this teacher")] = None,
) -> None:
    """Check every byte, decode everything.   Example: kdray shards verify runs/demo-data/signal"""
    from dataclasses import asdict

    from kdray.console import say, stage
    from kdray.students.load import load_model, load_tokenizer
    from kdray.students.logits import TargetLogits
    from kdray.teacher import manifest
    from kdray.teacher.verify import verify

    forward = None
    if teacher:
        model, vocab = load_model(teacher), manifest.read(folder).vocab
        if model.config.vocab_size > vocab:
            say(
                f"{teacher}: {model.config.vocab_size:,} logits, compared on the {vocab:,} ids that are shared"
            )
        forward = TargetLogits(model, load_tokenizer(teacher).pad_token_id, vocab)
    with stage("verify") as advance:
        found = verify(folder, forward, progress=advance)
    for warning in found.warnings:
        say(f"warning: {warning}")
    show_json(asdict(found))


@shards_app.command("show")
def shards_show(folder: str, row: Annotated[int, typer.Option(help="which row")] = 0) -> None:
    """A record as a person would read it.   Example: kdray shards show runs/demo-data/signal --row 7"""
    from kdray.storage import join
    from kdray.students.load import load_tokenizer
    from kdray.teacher.cache import local_folder
    from kdray.teacher.verify import show as show_row

    tokenizer = load_tokenizer(local_folder(join(folder, "teacher")))
    show("\n".join(show_row(folder, row, tokenizer.decode)))


def status_text(found: Any) -> str:
    """A sweep's status in words."""
    counts = ", ".join(f"{count} {state}" for state, count in found.counts.items() if count) or "nothing yet"
    lines = [f"{found.name}: {counts}; {found.asked} asked; {'running' if found.alive else 'nobody runs it'}"]
    lines += [f"  {one.key}  step {one.step} of {one.steps}" for one in found.running]
    if found.left_s is not None:
        lines.append(f"about {found.left_s:.0f} s left, {found.per_hour:.0f} trials an hour")
    return "\n".join(lines)


def experiment_folder(name: str, runs: str) -> str:
    """The folder of a sweep by its name, or the folder itself. Raises `ConfigError` with the nearest name."""
    from kdray.errors import nearest

    for candidate in (Path(runs) / name, Path(name)):
        if (candidate / "sweep.yaml").exists():
            return str(candidate)
    known = [path.parent.name for path in Path(runs).glob("*/sweep.yaml")]
    raise ConfigError(f"no sweep '{name}' in {runs}{nearest(name, known)}")


def main() -> None:
    """Entry point of `kdray`."""
    try:
        app()
    except KdrayError as error:
        sys.stderr.write(f"kdray: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("kdray: interrupted; the same command goes on from here\n")
        sys.exit(130)
