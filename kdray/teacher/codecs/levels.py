"""Log-probabilities below the likeliest token's, in half a byte each.

The distance c of a kept token from the likeliest stands on a grid whose step grows with c: `step` at 0, times
exp(growth * c), constant beyond `_FAR` nats. An error counts by the token's own probability, so far tokens
may be coarser; growth 0 is an even grid. Distances rise along a head, so what is stored is by how many
levels: 4 bits, and a byte more for the few that rise by 15 or more. Nothing lies more than 270 levels (about
100 nats) below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdray.errors import DataError
from kdray.teacher import bits
from kdray.teacher.codec import Packed, starts

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_FAR = 8.0
_SLOWLY = 16.0
_ESCAPE = 15
_MOST = _ESCAPE + 255


@dataclass(frozen=True)
class Grid:
    """Distances in nats to levels and back."""

    step: float
    growth: float

    def level(self, distance: Floats) -> Ints:
        """The nearest level, in the grid's own measure."""
        near = np.minimum(distance, _FAR)
        far = _SLOWLY * (np.sqrt(1 + 2 * (distance - near) / (_SLOWLY * self._far_step)) - 1)
        return np.asarray(np.minimum(np.rint(self._measure(near) + far), _MOST), np.int64)

    def distance(self, level: Ints) -> Floats:
        """Nats of a level."""
        edge = self._measure(np.array(_FAR))
        near = np.minimum(level, edge)
        inner = -np.log1p(-near * self.growth * self.step) / self.growth if self.growth else near * self.step
        far = level - near
        return np.asarray(inner + self._far_step * (far + far * far / (2 * _SLOWLY)))

    def _measure(self, near: Floats) -> Floats:
        """How many levels lie within the first `near` nats."""
        if self.growth == 0:
            return near / self.step
        return np.asarray(-np.expm1(-self.growth * near) / (self.growth * self.step))

    @property
    def _far_step(self) -> float:
        return float(self.step * np.exp(self.growth * _FAR))


def encode(rises_M: Ints, counts_R: Ints) -> tuple[Packed, Packed]:
    """Rises of levels as half bytes, and the rest of the large ones."""
    large_M = rises_M >= _ESCAPE
    row_M = np.repeat(np.arange(len(counts_R)), counts_R)
    large = (rises_M[large_M] - _ESCAPE).astype(np.uint8)
    wide = Packed.fixed(large, np.bincount(row_M[large_M], minlength=len(counts_R)), 1)
    return bits.pack_small(np.minimum(rises_M, _ESCAPE), counts_R, 4), wide


def decode(nibbles: Packed, wide: Packed, counts_R: Ints) -> Ints:
    """The rises. Raises `DataError` where lengths do not fit."""
    rises_M = bits.unpack_small(nibbles, counts_R, 4).astype(np.int64)
    large_M = rises_M == _ESCAPE
    ends_R = np.concatenate([[0], np.cumsum(large_M)])[starts(counts_R)]
    if (ends_R != wide.offsets_R).any():
        raise DataError("a record does not decode: it has another number of large steps than it says")
    rises_M[large_M] += wide.data
    return rises_M
