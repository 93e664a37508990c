"""The page: one HTML file that opens offline, asks for nothing and runs nothing but its own script.

Three walls between data and execution. Data is JSON in a block that no browser runs, with `<`, `>` and `&`
(and the two line separators) as \\u escapes, so that nothing in it can end the block. The script puts text
into text nodes only. And the Content-Security-Policy allows exactly this script and this style, by their
hashes, and no request at all. The page is a few hand-written files in `page/` (SVG, no library): plotly's
bundle alone is 4.5 MB against under 0.1 MB here.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from kdray import storage
from kdray.report import effects
from kdray.report import payload as page_data
from kdray.report.about import about, links
from kdray.report.front import Front
from kdray.report.importance_shares import importance
from kdray.results import Experiment, read_cases

SCRIPTS = (
    "core.js",
    "plot.js",
    "front.js",
    "curves.js",
    "losses.js",
    "apart.js",
    "map.js",
    "parallel.js",
    "table.js",
    "cases.js",
    "detail.js",
    "beside.js",
    "page.js",
)
FOLLOWING = "live.js"  # in a page that a server keeps up to date
MOST_EFFECTS = 3  # metrics with main effects
MOST_CASES = 20  # of one student
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def write(location: str | Path, experiment: Experiment, front: Front, *, note: str = "") -> None:
    """Writes the page whole or not at all; `location` is a path or URI. Otherwise as `render`."""
    storage.write_atomic(location, render(experiment, front, note=note, page=location))


def render(
    experiment: Experiment, front: Front, *, note: str = "", page: str | Path | None = None, live: str = ""
) -> str:
    """The page as text; the same folder gives the same page.

    Args:
        experiment: the folder as read.
        front: the front over the objectives to show.
        note: a sentence for the head of the page.
        page: where it will lie; None where it lies nowhere, and links to no folder.
        live: what the server that it comes from calls this state of the sweep (`serve`); "" where none does.
    """
    data = page_data.payload(
        experiment,
        front,
        effects=effects.main_effects(experiment.records, experiment.sweep, front.names[:MOST_EFFECTS]),
        importance=importance(experiment.records, experiment.sweep, front.objectives),
        cases={
            record.key: read_cases(experiment.folder, record.key)[:MOST_CASES]
            for record in page_data.shown(front)
        },
        note=note,
        about=about(experiment),
        links=links(experiment, page),
    )
    return assemble(data | {"live": live})


def assemble(data: Mapping[str, Any]) -> str:
    """The template with its data, script and style. A page that follows a sweep may ask its own server."""
    names = (FOLLOWING, *SCRIPTS) if data.get("live") else SCRIPTS
    script = '(() => {\n"use strict";\n' + "".join(page_file(name) for name in names) + "})();\n"
    parts = {"style": page_file("style.css"), "script": script, "data": embed(data)}
    parts["connect"] = "connect-src 'self'; " if data.get("live") else ""
    parts |= {"style-hash": source_hash(parts["style"]), "script-hash": source_hash(script)}
    page, rest = "", page_file("template.html")
    # One pass from the left: a placeholder inside the data is text like any other.
    while "{{" in rest:
        before, _, rest = rest.partition("{{")
        name, _, rest = rest.partition("}}")
        page += before + parts[name]
    return page + rest


def embed(data: Any) -> str:
    """JSON that cannot end the block it stands in."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)


def page_file(name: str) -> str:
    """A file of the page as it comes with the package."""
    return (resources.files("kdray.report") / "page" / name).read_text(encoding="utf-8")


def source_hash(text: str) -> str:
    """What a Content-Security-Policy calls a script or a style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
