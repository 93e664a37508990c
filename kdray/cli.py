"""The command line: parse, call, print. Heavy imports happen inside the commands."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
teacher_app = typer.Typer(no_args_is_help=True, help="Make and judge teachers.")
app.add_typer(teacher_app, name="teacher")


@teacher_app.command("train")
def teacher_train(
    recipe: Annotated[str, typer.Argument()],
    out: Annotated[str, typer.Option()],
) -> None:
    """Train a teacher."""
    import sys

    from kdray.config import load_recipe
    from kdray.train.teacher import train_teacher

    train_teacher(load_recipe(recipe), out, report=lambda m: print(m, file=sys.stderr, flush=True), progress=lambda s, l: print(s, round(l, 3), file=sys.stderr, flush=True) if s % 50 == 0 else None)


@app.command()
def demo() -> None:
    """The demo."""


def main() -> None:
    """Entry point."""
    app()
