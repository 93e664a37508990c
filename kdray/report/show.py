"""Fronts as text, and the files that go with them."""

from __future__ import annotations

import io
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from kdray import storage
from kdray.console import Drawn, near, printable, say
from kdray.errors import ConfigError
from kdray.report import figure, formats
from kdray.report import html as page
from kdray.report.confirmed import confirmed_table
from kdray.report.csv_table import to_csv
from kdray.report.front import Front, check_objectives, front, metric_names, parse_objectives
from kdray.report.front_table import caption, front_table
from kdray.report.on_runs import runs_table
from kdray.report.on_test import test_table
from kdray.report.paired.reading import reading
from kdray.report.payload import history
from kdray.report.sources import Source, source
from kdray.report.text_table import TextTable
from kdray.results import TrialRecord

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 120
Form = Literal["text", "markdown", "json"]
FILES = ("html", "csv", "latex", "markdown", "svg", "png")


class Finding(Protocol):
    """What a comparison comes to."""

    def table(self) -> TextTable:
        """For a reader."""

    def note(self) -> str:
        """What a reader of the table has to know, in a line."""

    def as_dict(self) -> dict[str, Any]:
        """For a script: JSON-able but for numbers that are not finite."""


def table_text(
    best: Front, records: Sequence[TrialRecord], baselines: Mapping[str, Mapping[str, Any]]
) -> str:
    """The front's table and its caption, and below what was trained again and what the test suite says, with
    colours on a terminal.
    """
    text = as_text(front_table(best, baselines), caption(best, records))
    below = [confirmed_table(best), test_table(best, baselines), runs_table(best, baselines)]
    parts = [text, *(as_text(table.to_rich()) for table in below if table), wrapped(reading(best))]
    return "\n".join(part for part in parts if part)


def wrapped(sentence: str) -> str:
    """A sentence in lines of the table's width; nothing stays nothing."""
    return "".join(f"{line}\n" for line in textwrap.wrap(printable(sentence), WIDTH, break_on_hyphens=False))


def as_text(table: Table, below: str = "") -> str:
    """A table and a line below it, with colours on a terminal."""
    from rich.console import Console

    console = Console(width=None if Console().is_terminal else WIDTH)
    out = io.StringIO()
    plain = Console(file=out, width=console.width, force_terminal=console.is_terminal)
    plain.print(Drawn(table))
    if below:
        plain.print(printable(below), markup=False)
    return out.getvalue()


def written(finding: Finding, form: Form) -> str:
    """Its table with its note, or its data, as text."""
    if form == "json":
        return json.dumps(formats.plain(finding.as_dict()), indent=1, allow_nan=False) + "\n"
    if form == "markdown":
        return f"{finding.table().to_markdown()}\n{printable(finding.note())}\n"
    return as_text(finding.table().to_rich()) + f"{printable(finding.note())}\n"


def _write(kind: str, path: str, source: Source, best: Front) -> None:
    """One file of a kind in `FILES`."""
    if kind == "html":
        if source.experiment is None:
            raise ConfigError(
                f"--html: {source.name} has no sweep file and no cases: name the experiment folder"
            )
        page.write(path, source.experiment, best)
        say(f"wrote     {near(path)}")
        return
    baselines = source.baselines
    make: dict[str, Callable[[], str | bytes]] = {
        "csv": lambda: to_csv(best, source.records, baselines),
        "latex": lambda: formats.to_latex(best, baselines),
        "markdown": lambda: formats.to_markdown(best, baselines),
        "svg": lambda: figure.front_svg(best, baselines),
        "png": lambda: figure.to_png(figure.front_svg(best, baselines)),
    }
    storage.write_atomic(path, make[kind]())
    say(f"wrote     {near(path)}")


def wanted(objectives: str | None, source: Source) -> dict[str, str]:
    """The objectives that were asked for, or the sweep's own. Raises `ConfigError`."""
    if not objectives:
        if not source.objectives:
            raise ConfigError(f"{source.name} has no metric that is always an objective: name --objectives")
        return source.objectives
    asked = parse_objectives(objectives, source.objectives)
    check_objectives(asked, metric_names(source.records))
    return asked


def report(
    folders: Sequence[str],
    *,
    objectives: str | None,
    where: Sequence[str],
    files: Mapping[str, str | None],
    as_json: bool,
) -> str:
    """The front of one or more experiment folders or tables as text; writes the files that are asked for.

    Args:
        folders: of the experiments, or tables of theirs (`csv_table`).
        objectives: `metric:max,metric:min`, or None for each sweep's own.
        where: filters such as `student_params <= 2e6`.
        files: kind (one of `FILES`) -> path, None for none.
        as_json: whether the text is JSON.

    Raises:
        ConfigError: files of several sweeps, or an objective or filter that cannot be read.
        DataError: a folder that is no experiment, or a damaged table.
    """
    asked = {kind: path for kind, path in files.items() if path}
    if asked and len(folders) > 1:
        raise ConfigError(f"--{next(iter(asked))} reports one sweep at a time")
    texts = []
    for read in map(source, folders):
        best = front(read.records, wanted(objectives, read), where=where)
        for kind, path in asked.items():
            _write(kind, path, read, best)
        if as_json:
            over = history(read.experiment, best) if read.experiment else None
            texts.append(formats.to_json(best, read.records, read.baselines, over))
        else:
            texts.append(table_text(best, read.records, read.baselines))
    return "\n".join(texts)
