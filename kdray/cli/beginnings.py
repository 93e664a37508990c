"""To begin with: a sweep file of one's own."""

from __future__ import annotations

from typing import Annotated

import typer

from kdray.cli.apps import app, show
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
    force: Annotated[bool, typer.Option("--force", help="write over files that are there")] = False,
) -> None:
    """Write a commented sweep file to start from.   Example: kdray init mine --teacher teachers/codet5-base"""
    from kdray.demo.begin import begin

    done = begin(name, teacher=teacher, study=study, force=force)
    width = max(map(len, done.files))
    lines = [f"wrote     {path:<{width}}  {what}" for path, what in done.files.items()]
    heads = ["next"] + [""] * len(done.commands)
    lines += [f"{head:<9} {command}" for head, command in zip(heads, done.commands, strict=False)]
    show("\n".join(lines))
