"""Every log-probability in float16, the control: two bytes times the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kdray.errors import DataError
from kdray.teacher.codec import Codec, Packed, State
from kdray.teacher.signal import TeacherSignal

_LOWEST = -60000.0
AT_A_TIME = 1 << 18
"""Of logits that are worked on at a time, about: what is made of them stays in a processor's cache."""


@dataclass(frozen=True)
class Full(Codec):
    """The whole vocabulary is kept; there is no tail."""

    name: ClassVar[str] = "full"
    fields: ClassVar[tuple[str, ...]] = ("logprobs",)

    def bits_per_token(self, vocab: int) -> float:
        """Exact."""
        return 16.0 * vocab

    def encode(
        self,
        logits_NV: NDArray[np.float32],
        labels_N: NDArray[np.int32],
        counts_R: NDArray[np.int64],
        state: State,
    ) -> dict[str, Packed]:
        """See `Codec`."""
        found_NV = log_probs(logits_NV)
        lowest_NV = np.maximum(found_NV, _LOWEST, out=found_NV).astype(np.float16)
        return {"logprobs": Packed.fixed(lowest_NV, counts_R, 2 * logits_NV.shape[1])}

    def decode(
        self,
        packed: Mapping[str, Packed],
        labels_N: NDArray[np.int32],
        counts_R: NDArray[np.int64],
        vocab: int,
        state: State,
    ) -> TeacherSignal:
        """See `Codec`."""
        if packed["logprobs"].data.size != 2 * vocab * len(labels_N):
            raise DataError("a record does not decode: not one row of the vocabulary per target position")
        return whole(packed["logprobs"].read(np.float16, vocab).astype(np.float32))


def log_probs(logits_NV: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 log-probabilities."""
    found_NV = np.empty(logits_NV.shape, np.float32)
    size = max(1, AT_A_TIME // logits_NV.shape[1])
    for start in range(0, len(logits_NV), size):
        some = logits_NV[start : start + size]
        shifted = some - some.max(1, keepdims=True)
        found_NV[start : start + size] = shifted - np.log(
            np.exp(shifted).sum(1, keepdims=True, dtype=np.float64)
        )
    return found_NV


def whole(logprobs_NV: NDArray[np.float32]) -> TeacherSignal:
    """A signal whose head is the vocabulary."""
    count, vocab = logprobs_NV.shape
    ids_NK = np.broadcast_to(np.arange(vocab), logprobs_NV.shape)
    no_tail_N = np.full(count, -np.inf, np.float32)
    return TeacherSignal(ids_NK, logprobs_NV, no_tail_N, np.empty((count, 0), np.float32), (), vocab)
