"""Fronts as text, and the files that go with them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kdray import results, storage
from kdray.errors import ConfigError
from kdray.report import figure, formats
from kdray.report import html as page
from kdray.report.front import Front, check_objectives, front, metric_names, parse_objectives
from kdray.report.payload import history
from kdray.report.table import caption, front_table
from kdray.results import TrialRecord

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 120
FILES = ("html", "csv", "latex", "markdown", "svg", "png")


def table_text(found: Front, records: Sequence[TrialRecord], marks: Mapping[str, Mapping[str, Any]]) -> str:
    """The front's table and its caption, with colours on a terminal."""
    return as_text(front_table(found, marks), caption(found, records))


def as_text(table: Table, below: str = "") -> str:
    """A table and a line below it, with colours on a terminal."""
    from rich.console import Console

    console = Console(width=None if Console().is_terminal else WIDTH)
    out = io.StringIO()
    plain = Console(file=out, width=console.width, force_terminal=console.is_terminal)
    plain.print(table)
    if below:
        plain.print(below, markup=False)
    return out.getvalue()


def _write(kind: str, path: str, experiment: results.Experiment, found: Front) -> None:
    """One file of a kind in `FILES`."""
    if kind == "html":
        page.write(path, experiment, found)
        return
    marks = experiment.references
    make: dict[str, Callable[[], str | bytes]] = {
        "csv": lambda: formats.to_csv(found, experiment.records),
        "latex": lambda: formats.to_latex(found, marks),
        "markdown": lambda: formats.to_markdown(found, marks),
        "svg": lambda: figure.front_svg(found, marks),
        "png": lambda: figure.to_png(figure.front_svg(found, marks)),
    }
    storage.write_atomic(path, make[kind]())


def wanted(objectives: str | None, experiment: results.Experiment) -> dict[str, str]:
    """The objectives that were asked for, or the sweep's own. Raises `ConfigError`."""
    own: dict[str, str] = dict(experiment.sweep.objectives)
    if not objectives:
        return own
    found = parse_objectives(objectives, own)
    check_objectives(found, metric_names(experiment.records))
    return found


def report(
    folders: Sequence[str],
    *,
    objectives: str | None,
    where: Sequence[str],
    files: Mapping[str, str | None],
    as_json: bool,
) -> str:
    """The front of one or more experiment folders as text; writes the files that are asked for.

    Args:
        folders: of the experiments.
        objectives: `metric:max,metric:min`, or None for each sweep's own.
        where: filters such as `student_params <= 2e6`.
        files: kind (one of `FILES`) -> path, None for none.
        as_json: whether the text is JSON.

    Raises:
        ConfigError: files of several sweeps, or an objective or filter that cannot be read.
        DataError: a folder that is no experiment.
    """
    asked = {kind: path for kind, path in files.items() if path}
    if asked and len(folders) > 1:
        raise ConfigError(f"--{next(iter(asked))} reports one sweep at a time")
    texts = []
    for folder in folders:
        experiment = results.experiment(folder)
        found = front(experiment.records, wanted(objectives, experiment), where=where)
        for kind, path in asked.items():
            _write(kind, path, experiment, found)
        if as_json:
            over = history(experiment, found)
            texts.append(formats.to_json(found, experiment.records, experiment.references, over))
        else:
            texts.append(table_text(found, experiment.records, experiment.references))
    return "\n".join(texts)
