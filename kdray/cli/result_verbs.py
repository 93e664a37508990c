"""Verbs for what comes out: fronts, comparisons, students handed over and tried."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kdray.cli.apps import (
    Json,
    Name,
    Objectives,
    Runs,
    Where,
    app,
    experiment_folder,
    experiment_names,
    show,
    show_json,
    source_location,
)
from kdray.errors import ConfigError

if TYPE_CHECKING:
    from kdray.report.show import Form

COUNT = 5
"""Assertions of a place."""


@app.command()
def pareto(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="sweeps, by name or folder, or tables (.csv)",
            autocompletion=experiment_names,
        ),
    ],
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

    folders = [source_location(name, runs) for name in names]
    files = {"html": html, "csv": csv, "latex": latex, "markdown": markdown, "svg": svg, "png": png}
    show(report(folders, objectives=objectives, where=where or (), files=files, as_json=as_json))


@app.command()
def report(
    name: Name,
    runs: Runs = "runs",
    objectives: Objectives = None,
    html: Annotated[str | None, typer.Option(help="write it here instead of into the experiment")] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="follow a running sweep in the browser, on this machine alone")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="with --serve; 0: a free one")] = 0,
) -> None:
    """The page of a sweep, finished or running: written, or served and kept up to date.   Example: kdray report
    demo --serve
    """
    from kdray.report.show import report as write
    from kdray.storage import join

    folder = experiment_folder(name, runs)
    if not serve:
        path = html or join(folder, "front.html")
        write([folder], objectives=objectives, where=(), files={"html": path}, as_json=True)
        show(path)
        return
    if html:
        raise ConfigError("report: --html or --serve, not both")
    from kdray.report.live_page import Server

    with Server(folder, port, objectives) as server:
        server.page()  # what cannot be shown is said here
        show(server.address)
        sys.stdout.flush()
        server.serve_forever()


@app.command()
def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME NAME...",
            help="sweeps, tables (.csv) or teachers; seeds of one technique as a,b or label=a,b",
            autocompletion=experiment_names,
        ),
    ],
    runs: Runs = "runs",
    budget: Annotated[
        str | None, typer.Option(help="what is made equal: trials (without this option) or seconds")
    ] = None,
    objectives: Objectives = None,
    where: Where = None,
    by: Annotated[
        str | None, typer.Option(help="a row for each combination of these settings: distil.alpha,shards")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option("--show", help="the metrics of those rows, instead of the objectives")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="with --by: differences from these rows, seed by seed: distil.alpha=0"),
    ] = None,
    near: Annotated[
        float | None, typer.Option(help="what picking costs among students so near the best accuracy: 0.01")
    ] = None,
    svg: Annotated[
        str | None,
        typer.Option(help="draw what each attained; with --by the metric over the first setting"),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="print a pipe table")] = False,
    as_json: Json = False,
) -> None:
    """Sweeps or techniques side by side at equal budget, or all their students by settings.   Example: kdray
    compare tpe-0,tpe-1 random-0,random-1
    """
    from kdray.report.compare import comparisons

    if as_json and markdown:
        raise ConfigError("compare: --json or --markdown, not both")
    groups = comparisons.grouped(names)
    folders = {label: [source_location(name, runs) for name in members] for label, members in groups.items()}
    form: Form = "json" if as_json else "markdown" if markdown else "text"
    if by is None and metrics is None and near is None and against is None:
        show(
            comparisons.at_equal_budget(
                folders,
                budget=budget or "trials",
                objectives=objectives,
                where=where or (),
                svg=svg,
                form=form,
            )
        )
        return
    if budget:
        raise ConfigError("--budget is for techniques at equal budget: no effect with --by and --near")
    pooled = [folder for members in folders.values() for folder in members]
    show(
        comparisons.of_students(
            pooled,
            by=by,
            show=metrics,
            near=near,
            against=against,
            objectives=objectives,
            where=where or (),
            form=form,
            svg=svg,
        )
    )


@app.command()
def export(
    name: Name,
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
    gguf: Annotated[
        str | None,
        typer.Option(help="a GGUF file too, f16 or q8_0, measured (needs the extra gguf)"),
    ] = None,
    push: Annotated[
        str | None, typer.Option(help="upload it to this repository, user/name; a new one is private")
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="apache-2.0 or another; default: the teacher's, where its card says it")
    ] = None,
    as_json: Json = False,
) -> None:
    """A student as a Hugging Face folder, with a card that says what it lost.   Example: kdray export demo
    --knee shipped
    """
    from kdray.console import stage
    from kdray.handover import export as handover
    from kdray.handover.forms import Forms

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
        forms=Forms(onnx, int8, gguf),
        license=license,
        push_to=push,
        stage=stage,
    )
    show(handover.as_json(done) if as_json else handover.summary(done))


@app.command()
def predict(
    model: Annotated[str, typer.Argument(help="folder of a student")],
    file: Annotated[
        str,
        typer.Argument(
            metavar="[FILE[::TEST]]",
            help="a test with <ASSERT> where assertions go, or FILE::test_name for its end; - reads stdin",
        ),
    ] = "-",
    language: Annotated[str | None, typer.Option(help="python or java, where the name does not tell")] = None,
    line: Annotated[int | None, typer.Option(help="the assertion goes before this line")] = None,
    count: Annotated[int, typer.Option(help="how many assertions of each place")] = COUNT,
    apply: Annotated[bool, typer.Option("--apply", help="write the best that parses into the file")] = False,
    run: Annotated[
        bool,
        typer.Option("--run", help="Python: run the test with each of them, confined; what passes first"),
    ] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="with --run: also where nothing can be confined")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="stay, and answer an editor on this machine")
    ] = False,
    port: Annotated[int, typer.Option(help="that --serve listens on; 0 takes a free one")] = 8377,
    as_json: Json = False,
) -> None:
    """Assertions for a test, ranked, with the model's confidence.   Example: kdray predict shipped test_cart.py"""
    from kdray.handover.asked import Asked, predict_source, source_text

    if serve:
        if file != "-" or line is not None or language or count != COUNT or apply or run or as_json:
            raise ConfigError(
                "predict --serve is told file, line, count and language by who asks it: leave them out"
            )
        _serve(model, port)
        return
    name, _, test = file.partition("::")
    if test and line is not None:
        raise ConfigError(f"predict: {file} or --line, not both")
    how = Asked(line, test or None, language, count, apply, as_json, run, unsafe)
    show(predict_source(model, source_text(name, language), "" if name == "-" else name, how))


def _serve(model: str, port: int) -> None:
    """Until it is interrupted."""
    from kdray.handover.opened import opened
    from kdray.handover.suggestion_server import HOST, server

    with server(opened(model), port) as asked:
        show(f"http://{HOST}:{asked.server_address[1]}")
        sys.stdout.flush()
        asked.serve_forever()


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
    from kdray.metamorphic.compare_models.pairs import compare_pairs
    from kdray.metamorphic.compare_models.plan import Plan
    from kdray.report.models.files import as_data, write
    from kdray.report.models.text import to_text

    plan = Plan(cases, variants, attacks=tuple(attack or ()), items=items, budget=budget, seed=seed)
    if masked_model:
        from kdray.metamorphic.attacks.masked import MaskedNames

        plan = replace(plan, propose=MaskedNames.load(masked_model))
    with stage("compare") as advance:
        rows = compare_pairs(
            models, data or [], plan, both_ways=both_ways, language=language, progress=advance
        )
    show_json(as_data(rows)) if as_json else show(to_text(rows))
    for path in write(out, rows) if out else ():
        say(f"report    {path}")
