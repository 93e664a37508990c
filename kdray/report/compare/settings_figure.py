"""A table of settings as a picture: metrics over its first setting.

With other settings a line for each of their combinations, of the first metric; without, a line for each metric.
"""

from __future__ import annotations

import math

from kdray.errors import ConfigError
from kdray.report import describe
from kdray.report.compare.pool import labels
from kdray.report.compare.settings import Cells, mean, metric_title
from kdray.report.figure import Point, lines_svg

LOG_FROM = 20  # settings of so many times their smallest are drawn on a logarithmic axis


def cells_svg(found: Cells) -> str:
    """The picture. Rows without a metric are left out of its line.

    Raises:
        ConfigError: the first setting is no number in some row, or no row has the metric.
    """
    setting, *rest = found.by
    if any(isinstance(values[0], bool) or not isinstance(values[0], (int, float)) for values in found.rows):
        raise ConfigError(f"--svg: {setting} is not a number everywhere: name another setting first in --by")
    lines: dict[str, list[Point]] = {}
    for metric in found.show[:1] if rest else found.show:
        for name, (values, records) in zip(_names(found, metric), found.rows.items(), strict=True):
            measured = mean(records, metric)
            if math.isfinite(measured.value):
                point = Point(float(values[0]), measured.value, measured.low, measured.high)
                lines.setdefault(name, []).append(point)
    xs = [point.x for line in lines.values() for point in line]
    if not xs:
        raise ConfigError(f"--svg: no row has {found.show[0]}")
    is_log = min(xs) > 0 and max(xs) >= LOG_FROM * min(xs)
    y_title = metric_title(found.show[0]) if rest or len(found.show) == 1 else ""
    return lines_svg(lines, describe.title(setting), y_title, log_x=is_log)


def _names(found: Cells, metric: str) -> list[str]:
    """Of each row's line: the values of all settings but the first, or the metric."""
    if not (rest := found.by[1:]):
        return [metric_title(metric)] * len(found.rows)
    columns = [labels(column) for column in list(zip(*found.rows, strict=True))[1:]]
    heads = [describe.title(path) for path in rest]
    return [
        ", ".join(f"{head} {one}" for head, one in zip(heads, row, strict=True))
        for row in zip(*columns, strict=True)
    ]
