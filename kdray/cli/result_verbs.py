"""Verbs for what comes out: fronts, pages, comparisons."""

from __future__ import annotations

import json
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
    as_json: Json = False,
) -> None:
    """The page of a sweep, finished or running: written, or served and kept up to date.   Example: kdray report
    demo --serve
    """
    from kdray.report.show import report as write
    from kdray.storage import join

    folder = experiment_folder(name, runs)
    if not serve:
        path = html or join(folder, "front.html")
        found = write([folder], objectives=objectives, where=(), files={"html": path}, as_json=True)
        show_json({"page": path} | json.loads(found)) if as_json else show(path)
        return
    if html or as_json:
        raise ConfigError(f"report: --{'html' if html else 'json'} or --serve, not both")
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
