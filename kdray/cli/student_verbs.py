"""Verbs for students and teachers as models: handed over, asked, compared."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from kdray.cli.apps import Json, Name, Runs, Where, app, experiment_folder, show, show_json
from kdray.cli.corpus_verbs import Classpath
from kdray.errors import ConfigError

COUNT = 5
"""Assertions of a place."""


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
    onnx: Annotated[
        bool | None,
        typer.Option(
            help="an ONNX graph too, checked; default: where the extra onnx is and the student writes"
        ),
    ] = None,
    int8: Annotated[bool, typer.Option(help="quantised to 8 bits too, and what that costs measured")] = False,
    gguf: Annotated[
        str | None,
        typer.Option(help="a GGUF file too: f16, q8_0 or q4_k, measured (needs the extra gguf)"),
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
    if len(names) == 1 and not knee and not best:
        raise ConfigError(
            f"export: {names[0]} of which trial? name its key before the folder, or --knee, or --best METRIC"
        )
    if onnx is False and int8:
        raise ConfigError("export: --int8 is made of the graph: leave --no-onnx out")
    limit = [] if max_params is None else [f"student_params <= {max_params:g}"]
    done = handover.export(
        experiment_folder(name, runs),
        names[-1],
        trial=names[0] if len(names) == 2 else None,
        knee=knee,
        best=best,
        where=[*(where or ()), *limit],
        forms=Forms(bool(onnx), int8, gguf, fast=onnx is None),
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
        typer.Option("--run", help="run the test with each of them, confined; what passes first"),
    ] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="with --run: also where nothing can be confined")
    ] = False,
    classpath: Classpath = "",
    serve: Annotated[
        bool, typer.Option("--serve", help="stay, and answer an editor on this machine")
    ] = False,
    port: Annotated[int, typer.Option(help="that --serve listens on; 0 takes a free one")] = 8377,
    as_json: Json = False,
) -> None:
    """Assertions for a test, ranked, with the model's confidence.   Example: kdray predict shipped test_cart.py"""
    from kdray.handover.asked import Asked, predict_source, source_text

    if serve:
        if (
            file != "-"
            or line is not None
            or language
            or count != COUNT
            or apply
            or run
            or as_json
            or classpath
        ):
            raise ConfigError(
                "predict --serve is told file, line, count and language by who asks it: leave them out"
            )
        _serve(model, port)
        return
    name, _, test = file.partition("::")
    if test and line is not None:
        raise ConfigError(f"predict: {file} or --line, not both")
    if classpath and not run:
        raise ConfigError("predict: --classpath has no effect without --run")
    jars = [part for part in classpath.split(os.pathsep) if part]
    how = Asked(line, test or None, language, count, apply, as_json, run, unsafe, jars)
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
