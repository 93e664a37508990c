"""The table's files in a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kdray import storage
from kdray.metamorphic.compare_models.result import Mimicry
from kdray.report.models.models_data import as_data
from kdray.report.models.models_page import to_html
from kdray.report.models.models_text import to_markdown


def write(folder: str, rows: Sequence[Mimicry]) -> list[str]:
    """`mimicry.html`, `mimicry.md` and `mimicry.json` in a folder; their paths."""
    made = {
        "mimicry.html": to_html(rows),
        "mimicry.md": to_markdown(rows),
        "mimicry.json": json.dumps(as_data(rows), indent=1, allow_nan=False) + "\n",
    }
    for name, text in made.items():
        storage.write_atomic(storage.join(folder, name), text)
    return [storage.join(folder, name) for name in made]
