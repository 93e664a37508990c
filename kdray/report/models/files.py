"""The comparison as plain data, and its files in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from kdray import storage
from kdray.config.metric_names import RELATIONS, violated
from kdray.metamorphic.compare_models.result import Duel, Mimicry, up_to
from kdray.metamorphic.discrepancy import Rate
from kdray.report.formats import plain
from kdray.report.models.page import to_html
from kdray.report.models.text import to_markdown


def write(folder: str, rows: Sequence[Mimicry]) -> list[str]:
    """`mimicry.html`, `mimicry.md` and `mimicry.json` in a folder; their paths."""
    texts = {
        "mimicry.html": to_html(rows),
        "mimicry.md": to_markdown(rows),
        "mimicry.json": json.dumps(as_data(rows), indent=1, allow_nan=False) + "\n",
    }
    for name, text in texts.items():
        storage.write_atomic(storage.join(folder, name), text)
    return [storage.join(folder, name) for name in texts]


def as_data(rows: Sequence[Mimicry]) -> dict[str, Any]:
    """Everything, as JSON-able data; what is not a number is null."""
    greatest = {violated(name) if name in RELATIONS else name: one for name, one in up_to(rows).items()}
    data: dict[str, Any] = plain({"up_to": greatest, "comparisons": [_row(row) for row in rows]})
    return data


def _row(row: Mimicry) -> dict[str, Any]:
    # `marks` is what the files have called the metrics from the start.
    data = {"marks" if name == "metrics" else name: value for name, value in asdict(row).items()}
    return data | {
        "metamorphic_discrepancy": data.pop("discrepancy"),
        "rates": _rates(row.rates),
        "clean_rates": _rates(row.clean_rates),
        "flips": _rates(row.flips),
        "violating": _rate(row.violating),
        "columns": [
            {**asdict(c), "rates": _rates(c.rates), "violating": _rate(c.violating)} for c in row.columns
        ],
        "curves": {name: [[at, _rate(rate)] for at, rate in points] for name, points in row.curves.items()},
        "duels": [_duel(duel) for duel in row.duels],
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {"hits": rate.hits, "total": rate.total, "share": rate.share, "interval": list(rate.interval)}


def _rates(rates: Mapping[str, Rate]) -> dict[str, Any]:
    return {violated(name) if name in RELATIONS else name: _rate(rate) for name, rate in rates.items()}


def _duel(duel: Duel) -> dict[str, Any]:
    sides = {"teacher": duel.teacher, "student": duel.student}
    return {
        "attack": duel.attack,
        **{
            side: {**asdict(damage), "success_rate": damage.success_rate, "drop": damage.drop}
            for side, damage in sides.items()
        },
        "greater_drop": duel.greater,
    }
