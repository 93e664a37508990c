"""What all commands share: the applications they belong to, options, printing, finding a sweep."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperOption

from kdray import __version__
from kdray.console import Bar, Loudness, be_verbose, coloured, printable
from kdray.errors import ConfigError

Function = TypeVar("Function", bound=Callable[..., Any])
SHOWN = 6
"""Members of a list that a line shows."""


def _quiet(wanted: bool) -> None:
    Loudness.quiet |= wanted


def _verbose(wanted: bool) -> None:
    if wanted and not Loudness.verbose:
        be_verbose()


def _always(
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", callback=_quiet, help="say nothing but warnings and errors")
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", callback=_verbose, help="say more, with times, and show tracebacks"),
    ] = False,
) -> None:
    """What stands behind every verb."""


class Verb(TyperCommand):
    """A command that takes -q and -v besides its own options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += [option for option in _shared() if isinstance(option, TyperOption)]

    def invoke(self, ctx: Any) -> Any:
        """Calls the verb with its own options alone."""
        for name in ("quiet", "verbose"):
            ctx.params.pop(name, None)
        return super().invoke(ctx)


class Verbs(typer.Typer):
    """A group of them."""

    def command(self, *args: Any, **options: Any) -> Callable[[Function], Function]:
        """As `typer.Typer.command`."""
        return super().command(*args, **{"cls": Verb, **options})


def _shared() -> list[Any]:
    """The options of `_always`, new ones each time."""
    lone = typer.Typer(add_completion=False)
    lone.command()(_always)
    return list(typer.main.get_command(lone).params)


app = Verbs(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Find the small code model that still behaves like the big one. Begin with: kdray demo",
)
corpus_app = Verbs(no_args_is_help=True, help="Real tests and labelled code: mine, import, show.")
teacher_app = Verbs(no_args_is_help=True, help="Train a teacher, examine one, convert its weights.")
shards_app = Verbs(no_args_is_help=True, help="The teacher's stored signal: verify, show.")
app.add_typer(corpus_app, name="corpus")
app.add_typer(teacher_app, name="teacher")
app.add_typer(shards_app, name="shards")


def _version(wanted: bool) -> None:
    if wanted:
        show(f"kdray {__version__}")
        raise typer.Exit


@app.callback()
def _first(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="print the version")
    ] = False,
) -> None:
    pass


def experiment_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """For the shell: the sweeps in a local folder of experiments that begin so. Imports nothing."""
    runs = Path(ctx.params.get("runs") or "runs")
    names = os.listdir(runs) if runs.is_dir() else []
    return sorted(
        name
        for name in names
        if name.startswith(incomplete) and name.isprintable() and (runs / name / "sweep.yaml").exists()
    )


Name = Annotated[str, typer.Argument(help="a sweep, by name or folder", autocompletion=experiment_names)]
SweepFile = Annotated[str, typer.Argument(metavar="SWEEP", help="a sweep file (YAML)")]
Runs = Annotated[str, typer.Option(help="folder of the experiments, a path or a URI")]
Objectives = Annotated[
    str | None, typer.Option(help="metric:max,metric:min of any recorded metrics, instead of the sweep's own")
]
Where = Annotated[
    list[str] | None,
    typer.Option(help="keep trials such as 'student_params <= 2e6' or 'distil.loss == spread'; repeatable"),
]
AllowEnv = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-env",
        help="a variable of the environment that the sweep may name and send to the host it names",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="print a machine-readable summary")]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="a.b=c, overrides the file, such as search.seed=1")
]


def on_bar(advance: Bar, steps: int) -> Callable[[int, float], None]:
    """What a training calls after each step: moves the bar on and shows the loss beside it."""
    return lambda step, loss: advance(step, steps, f"loss {loss:.3f}")


def show(text: str) -> None:
    """Data, on stdout. Colours stay; of what else a terminal would obey, nothing does."""
    text = coloured(text)
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def show_json(value: Any) -> None:
    """Data as JSON, on stdout."""
    show(json.dumps(value, indent=1))


def show_data(value: dict[str, Any], as_json: bool) -> None:
    """Data on stdout: as JSON, or a line for each part of it that a reader can take in."""
    if as_json:
        show_json(value)
        return
    lines = {name: _written(part) for name, part in _parts(value)}
    width = max(map(len, lines), default=0)
    show("\n".join(f"{name:<{width}}  {text}" for name, text in lines.items()))


def _parts(value: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, part in value.items():
        if isinstance(part, dict) and part:
            yield from _parts(part, f"{above}{name}.")
        else:
            yield f"{above}{name}", part


def _written(part: Any) -> str:
    """A value as a reader takes it in; a list that is long by its beginning."""
    if part is None or part in ({}, []):
        return "-"
    if isinstance(part, bool):
        return "yes" if part else "no"
    if isinstance(part, int):
        return f"{part:,}"
    if isinstance(part, float):
        return f"{part:,.4g}"
    if isinstance(part, (list, tuple)):
        shown = ", ".join(map(_written, part[:SHOWN]))
        return f"{shown}, ... ({len(part):,})" if len(part) > SHOWN else shown
    return printable(" ".join(str(part).split()))


def experiment_folder(name: str, runs: str) -> str:
    """The folder of a sweep by its name, or the folder itself. Raises `ConfigError` with the nearest name."""
    from kdray.errors import nearest
    from kdray.storage import exists, join, list_folders

    for candidate in (join(runs, name), name):
        if exists(join(candidate, "sweep.yaml")):
            return candidate
    known = [folder for folder in list_folders(runs) if exists(join(runs, folder, "sweep.yaml"))]
    raise ConfigError(f"no sweep '{name}' in {runs}{nearest(name, known)}")


def source_location(name: str, runs: str) -> str:
    """What a report reads: a sweep (`experiment_folder`), or the name itself of a table (`.csv`) or a teacher's
    folder. Raises `ConfigError`.
    """
    from kdray.report.sources import TEACHER
    from kdray.storage import exists, join

    if exists(join(name, TEACHER)):
        return name
    if not name.endswith(".csv"):
        return experiment_folder(name, runs)
    if not exists(name):
        raise ConfigError(f"no table '{name}'")
    return name
