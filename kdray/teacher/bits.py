"""Numbers of any width in a run of bytes, many at a time.

Bit b of a run is bit b % 8 of byte b // 8. A number stands with its lowest bit first, at most 24 bits wide,
so that four bytes hold it wherever it begins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_WIDTH = 24


def pack(values_M: NDArray[Any], offsets_M: NDArray[np.int64], num_bytes: int) -> NDArray[np.uint8]:
    """Bytes with each value at its bit offset; values must not overlap.

    Args:
        values_M: numbers below 2 ** 24.
        offsets_M: bit offset of each.
        num_bytes: length of the result.
    """
    shifted_M = values_M.astype(np.int64) << (offsets_M & 7)
    first_M = offsets_M >> 3
    sums = np.zeros(num_bytes + 4)
    for byte in range(4):
        # Disjoint bits: adding is the same as or-ing, and bincount adds in C.
        parts_M = (shifted_M >> (8 * byte)) & 255
        sums += np.bincount(first_M + byte, weights=parts_M, minlength=num_bytes + 4)
    return sums[:num_bytes].astype(np.uint8)


def unpack(
    data: NDArray[np.uint8], offsets_M: NDArray[np.int64], widths_M: NDArray[np.int64] | int
) -> NDArray[np.int64]:
    """The numbers of the given widths at the given bit offsets."""
    padded = np.concatenate([data, np.zeros(4, np.uint8)])
    first_M = offsets_M >> 3
    words_M = padded[first_M].astype(np.int64)
    for byte in range(1, 4):
        words_M |= padded[first_M + byte].astype(np.int64) << (8 * byte)
    values_M: NDArray[np.int64] = (words_M >> (offsets_M & 7)) & ((np.int64(1) << widths_M) - 1)
    return values_M
