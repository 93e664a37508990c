"""What a page says of itself in its head, and where the folders that it links to are seen from it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kdray import __version__, storage
from kdray.errors import DataError
from kdray.log_file import NAME
from kdray.recorded import is_finite
from kdray.results import Experiment


def about(experiment: Experiment) -> list[list[str]]:
    """Name and text of what the head of a page says: task, teacher, corpus, day, version of kdray.

    The day is the one on which the sweep was last begun, in UTC, so that the same folder gives the same page.
    """
    trial = experiment.sweep.trial
    told = [
        ("task", trial.task),
        ("teacher", trial.teacher),
        ("corpus", trial.corpus),
        ("begun", _day(experiment)),
    ]
    above = os.path.dirname(experiment.sweep.storage.rstrip("/"))
    beside = f"{above}/" if above.strip("/") else ""
    # Launched, a sweep's folders are absolute; which machine's is nobody's business.
    return [[name, str(text).removeprefix(beside)] for name, text in [*told, ("kdray", __version__)] if text]


def _day(experiment: Experiment) -> str:
    try:
        since = storage.read_json(storage.join(experiment.folder, "driver.json"))["since"]
    except (DataError, KeyError, TypeError):
        return ""
    return time.strftime("%Y-%m-%d", time.gmtime(since)) if is_finite(since) and 0 < since < 1e11 else ""


def links(experiment: Experiment, page: str | Path | None) -> dict[str, Any]:
    """Where the experiment folder is, as a link from the page, and which trials have a log file.

    Args:
        experiment: the folder as read.
        page: where the page will lie; None where it lies nowhere, and links to nothing.
    """
    folder = str(experiment.folder).removeprefix("file://")
    base = _seen_from(str(page).removeprefix("file://"), folder) if page is not None else None
    places = [storage.join(folder, "trials", record.key, NAME) for record in experiment.records]
    # To ask an object store for each would take longer than the page.
    far = storage.is_uri(folder)
    logs = [number for number, place in enumerate(places) if far or Path(place).exists()]
    return {"base": base, "logs": logs if base is not None else []}


def _seen_from(page: str, folder: str) -> str | None:
    """A relative link; None between two storages."""
    above = page.rpartition("/")[0]
    if storage.is_uri(page) or storage.is_uri(folder):
        return "./" if above == folder.rstrip("/") else None
    way = os.path.relpath(os.path.abspath(folder), os.path.abspath(above or "."))
    return f"./{quote(way)}/" if way != "." else "./"
