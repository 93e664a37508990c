"""Numbers of any width in a run of bytes, many at a time.

Bit b of a run is bit b % 8 of byte b // 8. A number has its lowest bit first and at most 24 bits: four
bytes hold it wherever it begins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.errors import DataError
from kdray.teacher.codec import Packed, starts

Ints = NDArray[np.int64]


def pack(values_M: NDArray[Any], offsets_M: Ints, num_bytes: int) -> NDArray[np.uint8]:
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
        sums += np.bincount(first_M + byte, weights=parts_M, minlength=num_bytes + 4)[: num_bytes + 4]
    return sums[:num_bytes].astype(np.uint8)


def unpack(data: NDArray[np.uint8], offsets_M: Ints, widths_M: Ints) -> Ints:
    """The numbers of the given widths at the given bit offsets."""
    padded = np.concatenate([data, np.zeros(4, np.uint8)])
    first_M = offsets_M >> 3
    words_M = padded[first_M].astype(np.int64)
    for byte in range(1, 4):
        words_M |= padded[first_M + byte].astype(np.int64) << (8 * byte)
    values_M: Ints = (words_M >> (offsets_M & 7)) & ((np.int64(1) << widths_M) - 1)
    return values_M


def pack_small(values_M: NDArray[Any], counts_R: Ints, width: int) -> Packed:
    """Numbers of 1, 2 or 4 bits, `counts_R` of them a row, each row beginning at a byte."""
    per_byte = 8 // width
    offsets_R = starts(-(-counts_R // per_byte))
    padded = np.zeros(int(offsets_R[-1]) * per_byte, np.uint8)
    padded[_slots(offsets_R, counts_R, per_byte)] = values_M
    shifts = np.arange(per_byte, dtype=np.uint8) * np.uint8(width)
    return Packed((padded.reshape(-1, per_byte) << shifts).sum(1).astype(np.uint8), offsets_R)


def unpack_small(packed: Packed, counts_R: Ints, width: int) -> NDArray[np.uint8]:
    """What `pack_small` packed. Raises `DataError` where the length is another."""
    per_byte = 8 // width
    if (np.diff(packed.offsets_R) != -(-counts_R // per_byte)).any():
        raise DataError("a record does not decode: a field has another length than its counts say")
    shifts = np.arange(per_byte, dtype=np.uint8) * np.uint8(width)
    numbers = (packed.data[:, None] >> shifts) & np.uint8((1 << width) - 1)
    return np.asarray(numbers.reshape(-1)[_slots(packed.offsets_R, counts_R, per_byte)], np.uint8)


def _slots(offsets_R: Ints, counts_R: Ints, per_byte: int) -> Ints:
    """Where each number stands when every byte is unpacked into its numbers."""
    shift_R = offsets_R[:-1] * per_byte - starts(counts_R)[:-1]
    return np.asarray(np.arange(counts_R.sum()) + np.repeat(shift_R, counts_R))
