"""Matrices in llama.cpp's `q4_k`, which the package `gguf` reads and does not write.

256 numbers of a row make a block of 144 bytes. Each 32 of them have a step and a floor of six bits, in units of
two float16s for the whole block, and four bits a number: `number = step * four_bits - floor`.

Shape suffixes: N blocks, G the eight groups of each, S numbers of a group.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK, GROUPS, SIZE = 256, 8, 32
MOST, MOST_UNITS = 15, 63
TRIED = np.linspace(-1, 1, 21)
"""Steps that a group is tried with are as if it had so many more levels than it has."""
Floats = NDArray[np.float32]


def quantised(weight_OI: Floats) -> NDArray[np.uint8]:
    """Bytes [O, I / 256 * 144] of a matrix whose rows are whole blocks."""
    x_NGS = weight_OI.astype(np.float32).reshape(-1, GROUPS, SIZE)
    steps_NG, floors_NG = _fitted(x_NGS)
    step_units_NG, step_N = _in_units(steps_NG)
    floor_units_NG, floor_N = _in_units(floors_NG)
    step_NG1 = (step_units_NG * step_N[:, None].astype(np.float32))[..., None]
    floor_NG1 = (floor_units_NG * floor_N[:, None].astype(np.float32))[..., None]
    four_bits_NGS = _levels(x_NGS + floor_NG1, step_NG1).astype(np.uint8)
    halves = [np.stack([step_N, floor_N], 1).view(np.uint8), _packed(step_units_NG, floor_units_NG)]
    low, high = four_bits_NGS[:, ::2], four_bits_NGS[:, 1::2]
    numbers = (low | high << 4).reshape(len(x_NGS), -1)
    return np.concatenate([*halves, numbers], 1).reshape(len(weight_OI), -1)


def _fitted(x_NGS: Floats) -> tuple[Floats, Floats]:
    """Step and floor of each group: of those tried the ones with the least square error, in which large numbers
    weigh more.
    """
    weights = np.sqrt((x_NGS**2).mean(-1, keepdims=True)) + np.abs(x_NGS)
    lowest = np.minimum(x_NGS.min(-1, keepdims=True), 0)
    width = x_NGS.max(-1, keepdims=True) - lowest
    best_step, best_low = width / MOST, lowest
    least = _error(x_NGS, weights, best_step, best_low, _levels(x_NGS - lowest, best_step))
    for more in TRIED:
        levels = _levels(x_NGS - lowest, width / (MOST + more))
        step, low = _least_squares(x_NGS, weights, levels, best_step, best_low)
        error = _error(x_NGS, weights, step, low, levels)
        better = error < least
        best_step, best_low = np.where(better, step, best_step), np.where(better, low, best_low)
        least = np.minimum(error, least)
    return best_step[..., 0], -best_low[..., 0]


def _least_squares(
    x: Floats, weights: Floats, levels: Floats, step: Floats, low: Floats
) -> tuple[Floats, Floats]:
    """Step and lowest number that fit given levels best, none above 0; the given ones where nothing tells."""
    w, wl, wll, wx, wlx = (
        (weights * part).sum(-1, keepdims=True) for part in (1, levels, levels**2, x, levels * x)
    )
    spread = w * wll - wl**2
    told = spread > 0
    spread = np.where(told, spread, 1)
    found, lowest = (w * wlx - wx * wl) / spread, (wll * wx - wl * wlx) / spread
    above = lowest > 0
    found = np.where(above, wlx / np.where(wll > 0, wll, 1), found)
    return np.where(told, found, step), np.where(told, np.where(above, 0, lowest), low)


def _error(x: Floats, weights: Floats, step: Floats, low: Floats, levels: Floats) -> Floats:
    error: Floats = (weights * (step * levels + low - x) ** 2).sum(-1, keepdims=True)
    return error


def _levels(above_floor: Floats, step: Floats) -> Floats:
    return np.clip(np.rint(above_floor / np.where(step > 0, step, 1)), 0, MOST)


def _in_units(values_NG: Floats) -> tuple[Floats, NDArray[np.float16]]:
    """Each block's values as whole multiples up to 63 of one float16, and that."""
    unit_N = (np.maximum(values_NG, 0).max(1) / MOST_UNITS).astype(np.float16)
    exact_N1 = np.where(unit_N > 0, unit_N, 1).astype(np.float32)[:, None]
    return np.clip(np.rint(values_NG / exact_N1), 0, MOST_UNITS), unit_N


def _packed(steps_NG: Floats, floors_NG: Floats) -> NDArray[np.uint8]:
    """Twice eight numbers of six bits in twelve bytes: the last four's upper two bits lie above the first four."""
    steps, floors = steps_NG.astype(np.uint8), floors_NG.astype(np.uint8)
    half = GROUPS // 2
    first = [part[:, :half] | part[:, half:] >> 4 << 6 for part in (steps, floors)]
    return np.concatenate([*first, steps[:, half:] & 15 | (floors[:, half:] & 15) << 4], 1)
