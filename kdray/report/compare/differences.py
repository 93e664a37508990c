"""What each combination of settings changed, against one of them: differences of trials of the same seed.

Ours. Two trials of one seed answer the same cases, begin with the same weights and see the same batches, so their
difference is surer than either: a row's is the mean over the seeds that both sides have, its interval Student's
over those differences. How much they would differ on other cases is in no part of it; with one seed, or where all
seeds differ by the same, there is no interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdray.errors import ConfigError, nearest
from kdray.report import describe
from kdray.report.compare.pool import SEED, Values, labels, names
from kdray.report.compare.settings import Cells, Mean, heads_of, mean_dict, t_quantile
from kdray.report.front import value
from kdray.report.text_table import TextTable
from kdray.results import TrialRecord


@dataclass(frozen=True)
class Differences:
    """A table of settings against some of its own rows.

    Attributes:
        cells: the table itself.
        against: setting -> value of the baseline.
        rows: values of the settings -> metric -> difference; baseline rows, and rows without a trial of the same
            seed and otherwise the same settings, have none.
    """

    cells: Cells
    against: dict[str, str]
    rows: dict[Values, dict[str, Mean]]


def differences(found: Cells, against: str) -> Differences:
    """Every row less its baseline: the row with the values of `against`, and of the other settings its own.

    Args:
        found: a table of settings.
        against: `distil.alpha=0,shards=head`, values as the table shows them.

    Raises:
        ConfigError: a setting that the table does not list, a value that no row has.
    """
    wanted = dict(_pair(text) for text in names(against))
    columns = {
        name: labels(column) for name, column in zip(found.by, zip(*found.rows, strict=True), strict=True)
    }
    for name, text in wanted.items():
        if name not in columns:
            raise ConfigError(f"--against: '{name}' is not in --by{nearest(name, columns)}")
        if text not in columns[name]:
            raise ConfigError(f"--against: no row has {name} '{text}'{nearest(text, columns[name])}")
    shown = [dict(zip(columns, one, strict=True)) for one in zip(*columns.values(), strict=True)]
    trials = {tuple(row.items()): records for row, records in zip(shown, found.rows.values(), strict=True)}
    rows: dict[Values, dict[str, Mean]] = {}
    for values, row, records in zip(found.rows, shown, found.rows.values(), strict=True):
        base = trials.get(tuple((row | wanted).items()), []) if row != row | wanted else []
        rows[values] = {name: _difference(records, base, name) for name in found.show}
    return Differences(found, wanted, rows)


def _pair(text: str) -> tuple[str, str]:
    name, sign, found = text.partition("=")
    if not sign:
        raise ConfigError(f"--against: '{text}' is not like distil.alpha=0")
    return name.strip(), found.strip()


def _difference(records: Sequence[TrialRecord], base: Sequence[TrialRecord], name: str) -> Mean:
    """Over the seeds of both; several trials of one seed on a side count as their mean."""
    ours, theirs = _by_seed(records, name), _by_seed(base, name)
    each_N = np.array([ours[seed] - theirs[seed] for seed in ours if seed in theirs], np.float64)
    if not len(each_N):
        return Mean(math.nan, math.nan, math.nan, [])
    middle, seeds = float(each_N.mean()), float(each_N.var(ddof=1)) / len(each_N) if len(each_N) > 1 else 0.0
    if not seeds:  # one seed, or differences that happen to be equal: nothing says how sure they are
        return Mean(middle, math.nan, math.nan, each_N.tolist())
    half = t_quantile(0.0, seeds, len(each_N)) * math.sqrt(seeds)
    return Mean(middle, middle - half, middle + half, each_N.tolist())


def _by_seed(records: Sequence[TrialRecord], name: str) -> dict[Any, float]:
    found: dict[Any, list[float]] = {}
    for record in records:
        if math.isfinite(measured := value(record, name)):
            found.setdefault(record.setting(SEED), []).append(measured)
    return {seed: float(np.mean(each)) for seed, each in found.items()}


def differences_table(found: Differences) -> TextTable:
    """A row for each combination that has a baseline."""
    table = found.cells
    columns = [labels(column) for column in zip(*table.rows, strict=True)]
    rows = [
        [*values, str(max(len(one.each) for one in row.values())), *map(_shown, row.values())]
        for values, row in zip(zip(*columns, strict=True), found.rows.values(), strict=True)
        if any(one.each for one in row.values())
    ]
    return TextTable(heads_of(table, "seeds"), rows, "l" * len(table.by) + "r" * (1 + len(table.show)))


def _shown(found: Mean) -> str:
    if not found.each:
        return describe.NOTHING
    if math.isnan(found.low):
        return f"{found.value:+.4f}"
    return f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


def differences_note(found: Differences) -> str:
    """What a reader of the table has to know, in a line."""
    base = ", ".join(f"{describe.title(name)} {one}" for name, one in found.against.items())
    return (
        f"a definition of kdray's own (kdray/report/compare/differences.py): less {base}, trials of the same "
        "seed, mean over seeds [95 % of the seeds alone]"
    )


def differences_dict(found: Differences) -> dict[str, Any]:
    """JSON-able but for numbers that are not finite."""
    rows: list[Mapping[str, Any]] = [
        {
            "settings": dict(zip(found.cells.by, values, strict=True)),
            "metrics": {name: mean_dict(one) for name, one in row.items()},
        }
        for values, row in found.rows.items()
    ]
    return {"by": found.cells.by, "show": found.cells.show, "against": found.against, "rows": rows}
