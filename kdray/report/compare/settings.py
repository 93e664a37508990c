"""What each combination of settings reached: a row a combination, a metric as its mean over the trials (`seeds`).

Trials of a row that differ in more than the seed are one sample of whatever else they differ in, and the note
below the table names that. Not here: whether two rows differ (`differences`); their cases are the same, so
intervals that overlap are no proof that they do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kdray.config.metric_names import VIOLATED
from kdray.errors import ConfigError, nearest
from kdray.recorded import is_number
from kdray.report import describe
from kdray.report.compare.seeds import Mean, mean
from kdray.report.compare.students import (
    Students,
    Values,
    baselines,
    check_settings,
    groups,
    labels,
    titles,
    varying,
)
from kdray.report.figure import Point, lines_svg
from kdray.report.front import metric_names
from kdray.report.payload import direction
from kdray.report.text_table import TextTable
from kdray.results import TrialRecord

ARROWS = {"max": " ↑", "min": " ↓", None: ""}
LOG_FROM = 20  # settings of so many times their smallest are drawn on a logarithmic axis


@dataclass(frozen=True)
class BySettings:
    """Students in rows by their settings.

    Attributes:
        by: the settings.
        show: the metrics.
        rows: values of the settings -> trials, in order.
        students: all of them, with their sweeps.
        varying: settings other than the seed that trials of one row do not share.
    """

    by: list[str]
    show: list[str]
    rows: dict[Values, list[TrialRecord]]
    students: Students
    varying: list[str]

    def table(self) -> TextTable:
        """A row per combination, then teacher and baselines."""
        columns = [labels(column) for column in zip(*self.rows, strict=True)]
        rows = [
            [*values, str(len(records)), *(_shown(mean(records, name), name) for name in self.show)]
            for values, records in zip(zip(*columns, strict=True), self.rows.values(), strict=True)
        ]
        blank = [""] * (len(self.by) - 1) + [describe.NOTHING]
        below = []
        for name, metrics in baselines(self.students.sources, self.show).items():
            record = TrialRecord(name, -1, "complete", {}, {}, (metrics,))
            below.append([name, *blank, *(describe.metric(record, metric) for metric in self.show)])
        return TextTable(self.heads("trials"), rows, "l" * len(self.by) + "r" * (1 + len(self.show)), below)

    def heads(self, counted: str) -> list[str]:
        """Headings: the settings, what is counted in a row, the metrics."""
        return [*titles(self.by), counted, *map(metric_title, self.show)]

    def note(self) -> str:
        """What a reader of the table has to know, in a line."""
        parts = ["mean over trials [95 %, cases and training seeds]"]
        if self.varying:
            parts.append(f"trials of a row also differ in {', '.join(self.varying)}")
        if self.students.repeated:
            parts.append(f"left out as repetitions, settings and seed alike: {self.students.repeated}")
        return "; ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able but for numbers that are not finite."""
        rows = [
            {
                "settings": dict(zip(self.by, values, strict=True)),
                "trials": len(records),
                "metrics": {name: mean(records, name).as_dict() for name in self.show},
            }
            for values, records in self.rows.items()
        ]
        return {
            "by": self.by,
            "show": self.show,
            "rows": rows,
            "references": baselines(self.students.sources, self.show),
            "also_varying": self.varying,
            "repeated": self.students.repeated,
        }

    def svg(self) -> str:
        """The metrics over the first setting as a picture; rows without a metric are left out of its line.

        With other settings a line for each of their combinations, of the first metric; without, a line for each
        metric.

        Raises:
            ConfigError: the first setting is no number in some row, or no row has the metric.
        """
        setting, *rest = self.by
        if not all(is_number(values[0]) for values in self.rows):
            raise ConfigError(
                f"--svg: {setting} is not a number everywhere: name another setting first in --by"
            )
        lines: dict[str, list[Point]] = {}
        for metric in self.show[:1] if rest else self.show:
            for name, (values, records) in zip(self._lines(metric), self.rows.items(), strict=True):
                measured = mean(records, metric)
                if math.isfinite(measured.value):
                    point = Point(float(values[0]), measured.value, measured.low, measured.high)
                    lines.setdefault(name, []).append(point)
        xs = [point.x for line in lines.values() for point in line]
        if not xs:
            raise ConfigError(f"--svg: no row has {self.show[0]}")
        is_log = min(xs) > 0 and max(xs) >= LOG_FROM * min(xs)
        y_title = metric_title(self.show[0]) if rest or len(self.show) == 1 else ""
        return lines_svg(lines, describe.title(setting), y_title, log_x=is_log)

    def _lines(self, metric: str) -> list[str]:
        """Of each row the name of its line: the values of all settings but the first, or the metric."""
        if not (rest := self.by[1:]):
            return [metric_title(metric)] * len(self.rows)
        columns = [labels(column) for column in list(zip(*self.rows, strict=True))[1:]]
        heads = [describe.title(path) for path in rest]
        return [
            ", ".join(f"{head} {text}" for head, text in zip(heads, row, strict=True))
            for row in zip(*columns, strict=True)
        ]


def by_settings(students: Students, by: Sequence[str], show: Sequence[str]) -> BySettings:
    """The students in rows.

    Raises:
        ConfigError: a setting or a metric that no trial has, or one named twice.
    """
    check_settings(by, students.records)
    known = metric_names(students.records)
    for name in show:
        if name not in known:
            raise ConfigError(f"--show: no complete trial recorded '{name}'{nearest(name, known)}")
    for option, listed in (("--by", by), ("--show", show)):
        if twice := [name for name in listed if list(listed).count(name) > 1]:
            raise ConfigError(f"{option}: '{twice[0]}' is named twice")
    rows = groups(students.records, by)
    return BySettings(list(by), list(show), rows, students, varying(list(rows.values()), by))


def metric_title(name: str) -> str:
    """`assertion accuracy ↑`; a share of violations says so first: `violated: prediction agreement ↓`."""
    bare = name.removesuffix(VIOLATED)
    said = describe.title(name) if bare == name else f"violated: {describe.title(bare)}"
    return said + ARROWS[direction(name)]


def _shown(measured: Mean, name: str) -> str:
    if name.endswith(describe.COUNTS):
        return describe.count(measured.value)
    return describe.with_interval(measured.value, measured.low, measured.high)
