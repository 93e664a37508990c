"""Fronts as text, and the files that go with them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from kdray import results, storage
from kdray.errors import ConfigError
from kdray.report import formats
from kdray.report import html as page
from kdray.report.front import Front, check_objectives, front, metric_names, parse_objectives
from kdray.report.table import caption, front_table
from kdray.results import TrialRecord

WIDTH = 120


def table_text(found: Front, records: Sequence[TrialRecord], marks: Mapping[str, Mapping[str, Any]]) -> str:
    """The front's table and its caption, with colours on a terminal."""
    from rich.console import Console

    console = Console(width=None if Console().is_terminal else WIDTH)
    out = io.StringIO()
    plain = Console(file=out, width=console.width, force_terminal=console.is_terminal)
    plain.print(front_table(found, marks))
    plain.print(caption(found, records), markup=False)
    return out.getvalue()


def report(
    folders: Sequence[str], *, objectives: str | None, html: str | None, csv: str | None, as_json: bool
) -> str:
    """The front of one or more experiment folders as text; writes the files that are asked for."""
    if html and len(folders) > 1:
        raise ConfigError("--html reports one sweep at a time")
    texts = []
    for folder in folders:
        experiment = results.experiment(folder)
        wanted: dict[str, str] = dict(experiment.sweep.objectives)
        if objectives:
            wanted = parse_objectives(objectives, wanted)
            check_objectives(wanted, metric_names(experiment.records))
        found = front(experiment.records, wanted)
        if html:
            page.write(html, experiment, found)
        if csv:
            storage.write_atomic(csv, formats.to_csv(found, experiment.records))
        if as_json:
            texts.append(formats.to_json(found, experiment.records, experiment.references))
        else:
            texts.append(table_text(found, experiment.records, experiment.references))
    return "\n".join(texts)
