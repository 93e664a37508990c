"""To begin with: a sweep file of one's own, and whether this machine can run it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kdray.cli.apps import Json, app, show, show_json
from kdray.packaged import studies


def study_names(incomplete: str) -> list[str]:
    """For the shell: the studies that begin so."""
    return [name for name in studies() if name.startswith(incomplete)]


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="of the new sweep: NAME.yaml is written here")],
    teacher: Annotated[
        str | None, typer.Option(help="a folder or hub name of yours; without it the packaged kdray:python")
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            help="a copy of one of the packaged studies, such as python-alpha", autocompletion=study_names
        ),
    ] = None,
    from_wandb: Annotated[
        str | None, typer.Option("--from-wandb", metavar="FILE", help="take the space of this W&B sweep file")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write over files that are there")] = False,
    as_json: Json = False,
) -> None:
    """Write a commented sweep file to start from.   Example: kdray init mine --teacher teachers/codet5-base"""
    from kdray.demo.begin import begin

    done = begin(name, teacher=teacher, study=study, from_wandb=from_wandb, force=force)
    if as_json:
        show_json({"files": done.files, "next": done.commands, "notes": done.notes})
        return
    width = max(map(len, done.files))
    lines = [f"wrote     {path:<{width}}  {what}" for path, what in done.files.items()]
    lines += [f"note      {note}" for note in done.notes]
    heads = ["next"] + [""] * len(done.commands)
    lines += [f"{head:<9} {command}" for head, command in zip(heads, done.commands, strict=False)]
    show("\n".join(lines))


@app.command()
def doctor(
    clean: Annotated[
        bool, typer.Option("--clean", help="end what Ray left running of kdray commands that were killed")
    ] = False,
    as_json: Json = False,
) -> None:
    """What of kdray works on this machine, and how to mend the rest.   Example: kdray doctor --json

    Exit code 1 where something is missing that kdray needs.
    """
    if clean:
        from kdray.console import say
        from kdray.workers.ray_processes import end_left_over

        ended = end_left_over()
        say(f"ended     {', '.join(map(str, ended)) or 'nothing: no killed command left anything running'}")

    from kdray.doctor.checkup import check_up
    from kdray.doctor.findings import findings
    from kdray.doctor.told import as_data, to_text

    checkup = check_up()
    wrong = findings(checkup)
    show_json(as_data(checkup, wrong)) if as_json else show(to_text(checkup, wrong))
    sys.exit(1 if any(finding.broken for finding in wrong) else 0)
