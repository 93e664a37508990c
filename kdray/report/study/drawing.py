"""A table of settings as a picture: its first metric over its first setting, a line for the other settings."""

from __future__ import annotations

import math

from kdray.errors import ConfigError
from kdray.report import describe
from kdray.report.figure import Point, lines_svg
from kdray.report.payload import direction
from kdray.report.study.cells import ARROWS, Cells, mean
from kdray.report.study.pool import labels

LOG_FROM = 20  # settings of so many times their smallest are drawn on a logarithmic axis


def cells_svg(found: Cells) -> str:
    """The picture. Rows without the metric are left out.

    Raises:
        ConfigError: the first setting is no number in some row, or no row has the metric.
    """
    setting, metric = found.by[0], found.show[0]
    lines: dict[str, list[Point]] = {}
    for name, (values, records) in zip(_names(found), found.rows.items(), strict=True):
        if isinstance(values[0], bool) or not isinstance(values[0], (int, float)):
            raise ConfigError(
                f"--svg: {setting} is not a number everywhere: name another setting first in --by"
            )
        measured = mean(records, metric)
        if math.isfinite(measured.value):
            point = Point(float(values[0]), measured.value, measured.low, measured.high)
            lines.setdefault(name, []).append(point)
    xs = [point.x for line in lines.values() for point in line]
    if not xs:
        raise ConfigError(f"--svg: no row has {metric}")
    is_log = min(xs) > 0 and max(xs) >= LOG_FROM * min(xs)
    return lines_svg(
        lines, describe.title(setting), describe.title(metric) + ARROWS[direction(metric)], log_x=is_log
    )


def _names(found: Cells) -> list[str]:
    """Of each row's line: the values of all settings but the first."""
    if not (rest := found.by[1:]):
        return [describe.title(found.show[0])] * len(found.rows)
    columns = [labels(column) for column in list(zip(*found.rows, strict=True))[1:]]
    heads = [describe.title(path) for path in rest]
    return [
        ", ".join(f"{head} {one}" for head, one in zip(heads, row, strict=True))
        for row in zip(*columns, strict=True)
    ]
