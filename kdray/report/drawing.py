"""The parts of a still picture: a frame with axes, words, lines and staircases, as SVG text.

Not here: what is drawn (`figure`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

import numpy as np

from kdray import pareto
from kdray.report import describe

WIDTH, HEIGHT = 640, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 18, 16, 52
COLOURS = ("#0b6bcb", "#c2410c", "#15803d", "#7c3aed", "#a16207", "#be185d", "#0e7490", "#525b66")
ACCENT, INK, SOFT, DOT, RULE = "#0b6bcb", "#1c2127", "#59626d", "#9aa4af", "#e6e8ea"
Place = Callable[[float], float]


def picture(parts: Sequence[str]) -> str:
    """The parts as one SVG file."""
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}'
    style = ' font-family="system-ui, DejaVu Sans, sans-serif" font-size="12">'
    return (
        "\n".join([head + style, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', *parts, "</svg>"])
        + "\n"
    )


def padded(values: Sequence[float]) -> tuple[float, float]:
    """The ends of some values, with a little room beyond them."""
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(low) * 0.1 or 0.5
    return low - room, high + room


def across(low: float, high: float) -> Place:
    """Where a value lies between the frame's left and right end."""
    return _scale(low, high, LEFT, WIDTH - RIGHT)


def upwards(low: float, high: float) -> Place:
    """Where a value lies between the frame's lower and upper end."""
    return _scale(low, high, HEIGHT - BOTTOM, TOP)


def _scale(low: float, high: float, start: float, end: float) -> Place:
    return lambda at: start + (at - low) / (high - low) * (end - start)


def ticks(low: float, high: float) -> list[float]:
    """About six round numbers."""
    power = 10.0 ** math.floor(math.log10((high - low) / 6))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= (high - low) / 6 * 0.999)
    return [round(k * step, 12) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def text(
    at: tuple[float, float], words: str, colour: str = SOFT, anchor: str = "middle", more: str = ""
) -> str:
    """Words at a place."""
    style = f'fill="{colour}" text-anchor="{anchor}"{more}'
    return f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" {style}>{escape(words)}</text>'


def line(start: tuple[float, float], end: tuple[float, float], colour: str, more: str = "") -> str:
    """A straight line."""
    points = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line {points} stroke="{colour}"{more}/>'


def axes(x: Place, y: Place, xs: list[float], ys: list[float], x_title: str, y_title: str) -> list[str]:
    """Grid, labels and titles."""
    floor = HEIGHT - BOTTOM
    parts = [line((x(at), TOP), (x(at), floor), RULE) for at in xs]
    parts += [line((LEFT, y(at)), (WIDTH - RIGHT, y(at)), RULE) for at in ys]
    parts += [text((x(at), floor + 17), _label(at)) for at in xs]
    parts += [text((LEFT - 8, y(at) + 4), _label(at), anchor="end") for at in ys]
    parts.append(line((LEFT, floor), (WIDTH - RIGHT, floor), SOFT))
    parts.append(text(((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12), x_title, INK))
    middle = (TOP + floor) / 2
    turned = f' transform="rotate(-90 16 {middle:.0f})"'
    return [*parts, text((16, middle), y_title, INK, more=turned)]


def _label(at: float) -> str:
    return describe.count(at) if abs(at) >= 1000 else f"{at:g}"


def staircase(corners_PM: pareto.Floats, directions: Sequence[str], x: Place, y: Place, colour: str) -> str:
    """From the end that is best across to the end that is best upwards, and on to the frame."""
    order = np.argsort(pareto.losses(corners_PM, directions)[:, 1], kind="stable")
    values = corners_PM[order]
    far_x = WIDTH - RIGHT if directions[1] == "min" else LEFT
    far_y = HEIGHT - BOTTOM if directions[0] == "max" else TOP
    path = f"M{x(values[0, 1]):.1f},{far_y}"
    for second, first in values[:, ::-1]:
        path += f"H{x(second):.1f}V{y(first):.1f}"
    return f'<path d="{path}H{far_x}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
