"""What each combination of settings changed, against one of them: trials of the same seed, less each other.

Not here: the differences of two rows and their intervals (`seeds`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdray.errors import ConfigError, nearest
from kdray.report import describe
from kdray.report.compare.seeds import Mean, difference
from kdray.report.compare.settings import BySettings
from kdray.report.compare.students import Values, labels, names
from kdray.report.text_table import TextTable


@dataclass(frozen=True)
class Differences:
    """Rows of settings against some of their own.

    Attributes:
        settings: the rows themselves.
        against: setting -> value of the baseline.
        rows: values of the settings -> metric -> difference; baseline rows, and rows without a trial of the same
            seed and otherwise the same settings, have none.
    """

    settings: BySettings
    against: dict[str, str]
    rows: dict[Values, dict[str, Mean]]

    def table(self) -> TextTable:
        """A row for each combination that has a baseline."""
        columns = [labels(column) for column in zip(*self.settings.rows, strict=True)]
        rows = [
            [*values, str(max(len(mean.each) for mean in row.values())), *map(_shown, row.values())]
            for values, row in zip(zip(*columns, strict=True), self.rows.values(), strict=True)
            if any(mean.each for mean in row.values())
        ]
        align = "l" * len(self.settings.by) + "r" * (1 + len(self.settings.show))
        return TextTable(self.settings.heads("seeds"), rows, align)

    def note(self) -> str:
        """What a reader of the table has to know, in a line."""
        base = ", ".join(f"{describe.title(name)} {text}" for name, text in self.against.items())
        return (
            f"a definition of kdray's own (kdray/report/compare/seeds.py): less {base}, trials of the same "
            "seed, mean over seeds [95 % of the seeds alone]"
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-able but for numbers that are not finite."""
        rows: list[Mapping[str, Any]] = [
            {
                "settings": dict(zip(self.settings.by, values, strict=True)),
                "metrics": {name: mean.as_dict() for name, mean in row.items()},
            }
            for values, row in self.rows.items()
        ]
        return {"by": self.settings.by, "show": self.settings.show, "against": self.against, "rows": rows}


def differences(settings: BySettings, against: str) -> Differences:
    """Every row less its baseline: the row with the values of `against`, and of the other settings its own.

    Args:
        settings: the rows.
        against: `distil.alpha=0,shards=head`, values as the table shows them.

    Raises:
        ConfigError: a setting that the table does not list, a value that no row has.
    """
    wanted = dict(_pair(text) for text in names(against))
    columns = {
        name: labels(column)
        for name, column in zip(settings.by, zip(*settings.rows, strict=True), strict=True)
    }
    for name, text in wanted.items():
        if name not in columns:
            raise ConfigError(f"--against: '{name}' is not in --by{nearest(name, columns)}")
        if text not in columns[name]:
            raise ConfigError(f"--against: no row has {name} '{text}'{nearest(text, columns[name])}")
    shown = [dict(zip(columns, texts, strict=True)) for texts in zip(*columns.values(), strict=True)]
    trials = {tuple(row.items()): records for row, records in zip(shown, settings.rows.values(), strict=True)}
    rows: dict[Values, dict[str, Mean]] = {}
    for values, row, records in zip(settings.rows, shown, settings.rows.values(), strict=True):
        base = trials.get(tuple((row | wanted).items()), []) if row != row | wanted else []
        rows[values] = {name: difference(records, base, name) for name in settings.show}
    return Differences(settings, wanted, rows)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigError(f"--against: '{text}' is not like distil.alpha=0")
    return name.strip(), value.strip()


def _shown(measured: Mean) -> str:
    if not measured.each:
        return describe.NOTHING
    if math.isnan(measured.low):
        return f"{measured.value:+.4f}"
    return f"{measured.value:+.4f} [{measured.low:+.4f}, {measured.high:+.4f}]"
