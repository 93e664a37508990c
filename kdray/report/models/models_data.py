"""The table as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from kdray.metamorphic.compare_models.result import Duel, Mimicry, up_to
from kdray.metamorphic.discrepancy import Rate
from kdray.report.formats import plain


def as_data(rows: Sequence[Mimicry]) -> dict[str, Any]:
    """Everything, as JSON-able data; what is not a number is null."""
    found: dict[str, Any] = plain({"up_to": up_to(rows), "comparisons": [_row(row) for row in rows]})
    return found


def _row(row: Mimicry) -> dict[str, Any]:
    data = asdict(row)
    data |= {
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
    return data


def _rate(rate: Rate) -> dict[str, Any]:
    return {"hits": rate.hits, "total": rate.total, "share": rate.share, "interval": list(rate.interval)}


def _rates(rates: Any) -> dict[str, Any]:
    return {name: _rate(rate) for name, rate in rates.items()}


def _duel(duel: Duel) -> dict[str, Any]:
    sides = {"teacher": duel.teacher, "student": duel.student}
    return {
        "attack": duel.attack,
        **{
            side: {**asdict(found), "success_rate": found.success_rate, "drop": found.drop}
            for side, found in sides.items()
        },
        "greater_drop": duel.greater,
    }
