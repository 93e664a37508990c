"""The front as a still picture (SVG) for papers, slides and model cards: two objectives, no library.

The page draws more (`page/`); this is what one prints. For PNG it goes through resvg (the extra `png`), a
renderer in one wheel of 1.4 MB; a plotting library would draw the same figure a second time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from kdray.errors import ConfigError
from kdray.report import describe, drawing
from kdray.report.drawing import (
    ACCENT,
    BOTTOM,
    COLOURS,
    DOT,
    HEIGHT,
    INK,
    LEFT,
    RIGHT,
    SOFT,
    TOP,
    WIDTH,
    Place,
)
from kdray.report.front import Front


def front_svg(front: Front, baselines: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Candidates, the front as a staircase with 95 % intervals, and what they are held against.

    The first objective goes up, the second across.

    Raises:
        ConfigError: other than two objectives, or no candidate.
    """
    if len(front.objectives) != 2:
        raise ConfigError(f"a picture of the front takes two objectives, not {len(front.objectives)}")
    if not front.candidates:
        raise ConfigError("no complete trial to draw yet")
    (y_name, x_name), held = front.names, baselines or {}
    x_values = [*front.values_PM[:, 1], *_ends(front, 1), *_numbers(held, x_name)]
    y_values = [*front.values_PM[:, 0], *_ends(front, 0), *_numbers(held, y_name)]
    (x_low, x_high), (y_low, y_high) = drawing.padded(x_values), drawing.padded(y_values)
    x, y = drawing.across(x_low, x_high), drawing.upwards(y_low, y_high)
    titles = _titles(front.objectives)
    parts = [
        *drawing.axes(x, y, drawing.ticks(x_low, x_high), drawing.ticks(y_low, y_high), *titles),
        drawing.staircase(front.values_PM[front.mask_P], front.directions, x, y, ACCENT),
        *_points(front, x, y),
        *_names(front, x, y),
        *_baselines(held, x_name, y_name, x, y),
    ]
    return drawing.picture(parts)


def surfaces_svg(surfaces: Mapping[str, Sequence[Sequence[float]]], objectives: Mapping[str, str]) -> str:
    """What each of a few techniques attained, as staircases with their names.

    Args:
        surfaces: name -> corners, in the objectives' units.
        objectives: metric -> `max` or `min`, two of them; the first goes up, the second across.

    Raises:
        ConfigError: other than two objectives, or no corner at all.
    """
    if len(objectives) != 2:
        raise ConfigError(f"a picture of what was attained takes two objectives, not {len(objectives)}")
    corners = [corner for surface in surfaces.values() for corner in surface]
    if not corners:
        raise ConfigError("nothing was attained yet: no complete trial")
    (y_low, y_high), (x_low, x_high) = (drawing.padded([corner[n] for corner in corners]) for n in (0, 1))
    x, y = drawing.across(x_low, x_high), drawing.upwards(y_low, y_high)
    parts = drawing.axes(
        x, y, drawing.ticks(x_low, x_high), drawing.ticks(y_low, y_high), *_titles(objectives)
    )
    for number, (name, surface) in enumerate(surfaces.items()):
        colour = COLOURS[number % len(COLOURS)]
        if surface:
            parts.append(drawing.staircase(np.array(surface), list(objectives.values()), x, y, colour))
        row = HEIGHT - BOTTOM - 14 * (len(surfaces) - number)
        parts.append(drawing.text((WIDTH - RIGHT - 6, row), name, colour, "end", ' font-weight="600"'))
    row = HEIGHT - BOTTOM - 14 * (len(surfaces) + 1)
    parts.append(drawing.text((WIDTH - RIGHT - 6, row), "attained by half of the seeds", INK, "end"))
    return drawing.picture(parts)


@dataclass(frozen=True)
class Point:
    """Of a line: where, and the ends of its interval up and down (NaN without one)."""

    x: float
    y: float
    low: float
    high: float


def lines_svg(
    lines: Mapping[str, Sequence[Point]], x_title: str, y_title: str, *, log_x: bool = False
) -> str:
    """One metric over one number, a line a name, with 95 % intervals; lines are moved apart sideways by a hair
    so that their intervals can be told apart.
    """
    points = [point for line in lines.values() for point in line]
    y_low, y_high = drawing.padded([y for at in points for y in (at.y, at.low, at.high) if math.isfinite(y)])
    place = math.log10 if log_x else float
    x_low, x_high = drawing.padded([place(at.x) for at in points])
    across, y = drawing.across(x_low, x_high), drawing.upwards(y_low, y_high)
    distinct = sorted({at.x for at in points})
    xs = distinct if len(distinct) <= 12 else drawing.ticks(x_low, x_high)
    parts = drawing.axes(lambda at: across(place(at)), y, xs, drawing.ticks(y_low, y_high), x_title, y_title)
    for number, (name, line) in enumerate(lines.items()):
        colour, aside = COLOURS[number % len(COLOURS)], 3 * (number - (len(lines) - 1) / 2)
        ends = [(across(place(at.x)) + aside, at) for at in sorted(line, key=lambda at: at.x)]
        path = "L".join(f"{x:.1f},{y(at.y):.1f}" for x, at in ends)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        for x, at in ends:
            parts.append(f'<circle cx="{x:.1f}" cy="{y(at.y):.1f}" r="3" fill="{colour}"/>')
            if math.isfinite(at.low) and math.isfinite(at.high):
                parts.append(drawing.line((x, y(at.low)), (x, y(at.high)), colour, ' stroke-opacity=".45"'))
        row = TOP + 14 * (number + 1)
        parts.append(drawing.text((WIDTH - RIGHT - 6, row), name, colour, "end", ' font-weight="600"'))
    return drawing.picture(parts)


def to_png(svg: str, width: int = 2 * WIDTH) -> bytes:
    """A picture as PNG, `width` pixels wide. Raises `ConfigError` where the extra `png` is not installed."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise ConfigError("--png needs a renderer: pip install 'kdray[png]', or take --svg") from None
    return bytes(svg_to_bytes(svg_string=svg, width=width))


def _ends(front: Front, column: int) -> list[float]:
    both = np.concatenate([front.low_PM[front.mask_P, column], front.high_PM[front.mask_P, column]])
    return [float(end) for end in both if math.isfinite(end)]


def _numbers(baselines: Mapping[str, Mapping[str, Any]], name: str) -> list[float]:
    recorded = [metrics.get(name) for metrics in baselines.values()]
    return [float(number) for number in recorded if isinstance(number, (int, float))]


def _titles(objectives: Mapping[str, str]) -> tuple[str, str]:
    """Of the axis across (the second objective) and of the one that goes up."""
    (up, up_way), (across, across_way) = objectives.items()
    return (
        f"{describe.title(across)} ({'better →' if across_way == 'max' else '← better'})",
        f"{describe.title(up)} ({'better ↑' if up_way == 'max' else 'better ↓'})",
    )


def _points(front: Front, x: Place, y: Place) -> list[str]:
    rest, best = [], []
    for index, record in enumerate(front.candidates):
        up, across = front.values_PM[index]
        at = (x(across), y(up))
        title = f"<title>{escape(record.key)}</title>"
        if not front.mask_P[index]:
            rest.append(f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="3" fill="{DOT}">{title}</circle>')
            continue
        (up_low, across_low), (up_high, across_high) = front.low_PM[index], front.high_PM[index]
        if math.isfinite(up_low):
            best.append(
                drawing.line((at[0], y(up_low)), (at[0], y(up_high)), ACCENT, ' stroke-opacity=".55"')
            )
        if math.isfinite(across_low):
            best.append(
                drawing.line((x(across_low), at[1]), (x(across_high), at[1]), ACCENT, ' stroke-opacity=".55"')
            )
        best.append(f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="4.5" fill="{ACCENT}">{title}</circle>')
    return rest + best


def _names(front: Front, x: Place, y: Place) -> list[str]:
    """Names of front trials where they do not run into each other; the knee's always."""
    members = [index for index in front.order if front.mask_P[index]]
    taken: list[tuple[float, float]] = []
    parts = []
    for index in sorted(members, key=lambda index: index != front.knee):
        at = (x(front.values_PM[index, 1]) - 8, y(front.values_PM[index, 0]) - 8)
        if any(abs(at[0] - other[0]) < 48 and abs(at[1] - other[1]) < 14 for other in taken):
            continue
        taken.append(at)
        name = front.candidates[index].key + (" ◆" if index == front.knee else "")
        parts.append(drawing.text(at, name, ACCENT, "end", ' font-weight="600"'))
    return parts


def _baselines(
    baselines: Mapping[str, Mapping[str, Any]], x_name: str, y_name: str, x: Place, y: Place
) -> list[str]:
    """A diamond, or a line across where only the first objective is known."""
    parts = []
    for name, metrics in baselines.items():
        across, up = metrics.get(x_name), metrics.get(y_name)
        if isinstance(up, (int, float)) and isinstance(across, (int, float)):
            at = (x(across), y(up))
            diamond = f"M{at[0]:.1f},{at[1] - 6:.1f}l6,6l-6,6l-6,-6Z"
            parts.append(f'<path d="{diamond}" fill="#fff" stroke="{INK}" aria-label={quoteattr(name)}/>')
            right = at[0] > WIDTH * 0.75
            parts.append(
                drawing.text(
                    (at[0] + (-11 if right else 11), at[1] + 4), name, INK, "end" if right else "start"
                )
            )
        elif isinstance(up, (int, float)):
            parts.append(drawing.line((LEFT, y(up)), (WIDTH - RIGHT, y(up)), SOFT, ' stroke-dasharray="4 4"'))
            parts.append(drawing.text((WIDTH - RIGHT - 4, y(up) - 5), name, INK, "end"))
    return parts
