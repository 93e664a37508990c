"""The whole vocabulary in 4 or 8 bits between a record's least and greatest logit, LZ4: the format of an
earlier study.

Here so that its effect can be measured. All positions of a record share one range, so one confident position
takes the levels from all others; at T = 2 and above the rounded tail swamps the distribution. `d_model`
reproduces that study's extractor, which left T5's d_model ** -0.5 out: logits so many times too large are
one-hot at every temperature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kdray.errors import DataError
from kdray.teacher.codec import Codec, Packed, State, starts
from kdray.teacher.codecs.full import log_probs, whole
from kdray.teacher.signal import TeacherSignal

_MOST_LZ4 = 255
"""Bytes out of one; the format allows no more."""


@dataclass(frozen=True)
class MinMax(Codec):
    """Uniform levels per record.

    Attributes:
        bits: 4 or 8 per logit.
        d_model: above 0, logits are multiplied by its square root, as if the scale had been forgotten.
    """

    name: ClassVar[str] = "minmax"
    fields: ClassVar[tuple[str, ...]] = ("range", "levels")

    bits: int = 8
    d_model: int = 0

    def __post_init__(self) -> None:
        if self.bits not in (4, 8):
            raise DataError(f"codec minmax: bits {self.bits}: 4 or 8")

    def bits_per_token(self, vocab: int) -> float:
        """Before LZ4, which takes what it can."""
        return float(self.bits * vocab)

    def encode(
        self,
        logits_NV: NDArray[np.float32],
        labels_N: NDArray[np.int32],
        counts_R: NDArray[np.int64],
        state: State,
    ) -> dict[str, Packed]:
        """See `Codec`."""
        factor = np.float32(self.d_model**0.5 if self.d_model else 1)
        # Each position is brought to a greatest logit of 0 first: what is added to a position means nothing.
        shifted_NV = (logits_NV - logits_NV.max(1, keepdims=True)) * factor
        edges_R, ranges, packed = starts(counts_R), np.zeros((len(counts_R), 2), np.float32), []
        for r in range(len(counts_R)):
            record_NV = shifted_NV[edges_R[r] : edges_R[r + 1]]
            low, high = (record_NV.min(), record_NV.max()) if record_NV.size else (0, 0)
            ranges[r] = low, (high - low) / (2**self.bits - 1)
            levels = np.rint((record_NV - low) / (ranges[r, 1] or 1)).astype(np.uint8).reshape(-1)
            packed.append(np.frombuffer(pa.compress(self._pack(levels), codec="lz4"), np.uint8))
        sizes_R = np.array([len(record) for record in packed], np.int64)
        return {
            "range": Packed.fixed(ranges, np.ones(len(counts_R), np.int64), 8),
            "levels": Packed(np.concatenate(packed), starts(sizes_R)),
        }

    def _pack(self, levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.bits == 8:
            return levels
        even = np.append(levels, np.uint8(0)) if len(levels) % 2 else levels
        return np.asarray(even[0::2] | even[1::2] << 4, np.uint8)

    def decode(
        self,
        packed: Mapping[str, Packed],
        labels_N: NDArray[np.int32],
        counts_R: NDArray[np.int64],
        vocab: int,
        state: State,
    ) -> TeacherSignal:
        """See `Codec`."""
        ranges = packed["range"].read(np.float32, 2)
        levels, offsets_R = packed["levels"], packed["levels"].offsets_R
        records = [np.empty((0, vocab), np.float32)]
        for r, count in enumerate(counts_R.tolist()):
            data = levels.data[offsets_R[r] : offsets_R[r + 1]]
            raw = self._unpack(data, count * vocab).reshape(count, vocab)
            records.append(ranges[r, 0] + raw.astype(np.float32) * ranges[r, 1])
        return whole(log_probs(np.concatenate(records))) if len(labels_N) else whole(records[0])

    def _unpack(self, data: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
        size = -(-count * self.bits // 8)
        if size > _MOST_LZ4 * (len(data) + 1):
            raise DataError("a record does not decode: fewer bytes than its levels can come from")
        try:
            raw = np.frombuffer(pa.decompress(data, decompressed_size=size, codec="lz4"), np.uint8)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"a record does not decode: {error}") from None
        if self.bits == 8:
            return raw
        return np.stack([raw & 15, raw >> 4], 1).reshape(-1)[:count]
