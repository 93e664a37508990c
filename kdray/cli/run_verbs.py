"""Verbs that run: the demo, single trials, sweeps here and elsewhere; watching and stopping them."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Annotated, Any

import typer

from kdray.cli.apps import (
    AllowEnv,
    Json,
    Name,
    Runs,
    Set,
    SweepFile,
    app,
    experiment_folder,
    on_bar,
    show,
    show_data,
    show_json,
)
from kdray.errors import ConfigError

_FOLDERS, _IMAGES = ("ray", "slurm", "kuberay"), ("kuberay",)
"""Places of `launch --on` where --folder and --image have an effect."""


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
    from kdray.pipeline.finish import finish

    finished = run_demo(runs, train_teacher=train_teacher)
    finish(finished.launched, finished.marks, as_json=as_json, show=show)


@app.command()
def validate(
    sweeps: Annotated[list[str], typer.Argument(metavar="SWEEP...", help="sweep files")],
    set_: Set = None,
    print_: Annotated[
        bool, typer.Option("--print", help="show the base trial, all defaults filled in")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check sweep files before a capture of hours: every corner of the space, teacher, corpus, folders.

    Example: kdray validate sweeps/*.yaml
    """
    import yaml

    from kdray.config import as_data, load_sweep
    from kdray.pipeline.beforehand import check
    from kdray.pipeline.estimate import estimate
    from kdray.report.confirmed import budget

    fine = []
    for path in sweeps:
        sweep = load_sweep(path, set_ or ())
        checked = check(sweep)
        notes = [note for note in (*checked.notes, estimate(sweep, checked.known)) if note]
        trial = {"trial": as_data(sweep.trial)} if print_ else {}
        fine.append(
            {"sweep": path, "trials": sweep.search.trials, "space": [*sweep.space], "notes": notes} | trial
        )
        if as_json:
            continue
        more = f", {confirming}" if (confirming := budget(sweep)) else ""
        show(f"{path}: fine: {sweep.search.trials} trials over {', '.join(sweep.space)}{more}")
        for note in notes:
            show(f"  {note}")
        if print_:
            show(yaml.safe_dump(trial, sort_keys=False, allow_unicode=True))
    if as_json:
        show_json(fine)


@app.command()
def trial(
    sweep: SweepFile,
    set_: Annotated[list[str] | None, typer.Option("--set", help="a.b=c, overrides the base trial")] = None,
    export: Annotated[str | None, typer.Option(help="write the student here")] = None,
    as_json: Json = False,
) -> None:
    """Run a sweep's base trial in this process, without Ray.   Example: kdray trial sweeps/python.yaml --set
    distil.alpha=0
    """
    from kdray.config import load_sweep, merge, parse_overrides
    from kdray.console import say, stage
    from kdray.pipeline.folders import absolute
    from kdray.pipeline.prepare import check_constraints, prepare
    from kdray.train import TrialRun

    loaded = absolute(load_sweep(sweep))
    asked = merge(loaded.trial, parse_overrides(set_ or []), sweep)
    prepared = prepare(loaded.model_copy(update={"trial": asked}), stage)
    check_constraints(loaded, asked, prepared)
    with (
        stage("trial") as advance,
        closing(TrialRun(asked, progress=on_bar(advance, asked.budget.steps))) as run,
    ):
        metrics: dict[str, Any] = {}
        while not run.done:
            metrics = run.next_rung()
            say(
                f"step {run.step}: "
                + "  ".join(f"{k} {v:.4g}" for k, v in metrics.items() if isinstance(v, float))
            )
        if export:
            run.export(export)
            say(f"wrote     {export}")
    for name in ("outcomes", "loss_curve"):  # case by case, step by step: not for a reader
        metrics.pop(name, None)
    show_data(metrics, as_json)


@app.command()
def launch(
    sweep: SweepFile,
    resume: Annotated[bool, typer.Option(help="go on if it was begun")] = False,
    set_: Set = None,
    on: Annotated[str, typer.Option(help="local, ray, slurm or kuberay")] = "local",
    address: Annotated[
        str | None, typer.Option(help="of a running Ray: its job server (ray), or itself (local)")
    ] = None,
    folder: Annotated[
        str | None, typer.Option(help="where the sweep's relative folders begin there (ray, slurm, kuberay)")
    ] = None,
    image: Annotated[str | None, typer.Option(help="container image with kdray (kuberay)")] = None,
    allow_env: AllowEnv = None,
    dry_run: Annotated[bool, typer.Option(help="print what would be submitted")] = False,
    as_json: Json = False,
) -> None:
    """Run a sweep: capture what is missing, search, report.   Example: kdray launch sweeps/python.yaml --on
    slurm --dry-run
    """
    from kdray.config import OWN_VARIABLES, load_sweep

    for name, given, places in (("folder", folder, _FOLDERS), ("image", image, _IMAGES)):
        if given and on not in places and on in ("local", *_FOLDERS):
            raise ConfigError(f"--{name}: no effect with --on {on}, only with {', '.join(places)}")
    if on == "local":
        from kdray.pipeline.finish import launch_and_finish

        if dry_run:
            raise ConfigError(
                "--dry-run: nothing is submitted with --on local; kdray validate checks the file"
            )
        loaded = load_sweep(sweep, set_ or ())
        allowed = (*OWN_VARIABLES, *(allow_env or ()))
        launch_and_finish(
            loaded, resume=resume, address=address, allow_env=allowed, as_json=as_json, show=show
        )
        return
    from kdray.pipeline.places import place
    from kdray.pipeline.places.request import request

    asked = request(
        sweep, folder=folder, address=address, image=image, overrides=set_ or (), allow_env=allow_env or ()
    )
    there = place(on)
    text = there.render(asked)
    if dry_run:
        show_json({"on": on, "submission": text}) if as_json else show(text)
        return
    done = there.submit(asked, text)
    if as_json:
        show_json({"on": on, "jobs": done.jobs, "exit_code": done.exit_code})
    sys.exit(done.exit_code)


@app.command()
def resume(
    name: Name,
    runs: Runs = "runs",
    trials: Annotated[
        int | None, typer.Option(help="ask for this many trials in all, to extend a sweep")
    ] = None,
    fork: Annotated[
        str | None, typer.Option(help="begin the sweep in this file instead, knowing the trials of NAME")
    ] = None,
    confirm: Annotated[
        bool | None,
        typer.Option(
            help="train the likeliest of the front again with further seeds, or not; as it was begun"
        ),
    ] = None,
    allow_env: AllowEnv = None,
    allow_sampler: Annotated[
        str | None, typer.Option(metavar="MODULE:CLASS", help="a sampler that the experiment may import")
    ] = None,
    as_json: Json = False,
) -> None:
    """Go on with a sweep that was interrupted, or extend it.   Example: kdray resume demo --trials 20"""
    from kdray.config import OWN_VARIABLES, load_sweep
    from kdray.pipeline.consent import check_code
    from kdray.pipeline.finish import launch_and_finish
    from kdray.pipeline.folders import check_trials, where_it_lies
    from kdray.results import read_sweep

    old = experiment_folder(name, runs)
    sweep = load_sweep(fork) if fork else where_it_lies(read_sweep(old), old)
    # The experiment may be somebody else's, and so may be the host and the code that it names.
    if not fork:
        check_code(sweep, allow_sampler)
    allowed = (*(OWN_VARIABLES if fork else ()), *(allow_env or ()))
    if trials is not None:
        check_trials(trials, old, asked=fork is None)
        sweep = sweep.model_copy(update={"search": sweep.search.model_copy(update={"trials": trials})})
    launch_and_finish(
        sweep,
        resume=not fork,
        fork=old if fork else None,
        confirm=confirm,
        allow_env=allowed,
        as_json=as_json,
        show=show,
    )


@app.command()
def stop(name: Name, runs: Runs = "runs", as_json: Json = False) -> None:
    """End a running sweep cleanly, from another terminal.   Example: kdray stop demo"""
    from kdray.experiment.lifecycle import stop as stop_sweep

    runs_now = stop_sweep(experiment_folder(name, runs))
    if as_json:
        show_json({"name": name, "asked_to_stop": runs_now})
        return
    show(f"{name}: {'asked to stop; go on with kdray resume ' + name if runs_now else 'nobody runs it'}")


@app.command()
def status(name: Name, runs: Runs = "runs", as_json: Json = False) -> None:
    """How far a sweep is, also while it runs.   Example: kdray status demo"""
    from kdray.experiment.lifecycle import status as status_of

    now = status_of(experiment_folder(name, runs))
    show_json(now.as_data()) if as_json else show(status_text(now))


def status_text(status: Any) -> str:
    """A sweep's status in words."""
    from kdray.pipeline.watch import duration

    counts = ", ".join(f"{count} {state}" for state, count in status.counts.items() if count) or "nothing yet"
    who = {0: "nobody runs it", 1: "running"}.get(status.drivers, f"{status.drivers} drivers run it")
    lines = [f"{status.name}: {counts}; {status.asked} asked; {who}"]
    lines += [f"  {record.key}  step {record.step} of {status.steps}" for record in status.running]
    if status.left_s is not None:
        lines.append(f"about {duration(status.left_s)} left{_pace(status.per_hour)}")
    return "\n".join(lines)


def _pace(per_hour: float) -> str:
    """Trials an hour, or where that is one, how long each takes; nothing before the first has ended."""
    if per_hour <= 0:
        return ""
    return f", {per_hour:.0f} trials an hour" if per_hour >= 2 else f", {60 / per_hour:.0f} min a trial"
