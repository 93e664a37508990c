"""The default codec: the likeliest tokens, their log-probabilities, and the weight of the rest at any
temperature.

A position keeps the fewest tokens that hold `mass`, at least `k_min` and at most `k_max`: what a truncated
store loses is lost on a few positions of high entropy, so an adaptive k beats a fixed one at equal size.
Log-probabilities stand on a grid of `step` nats (a step of 1/8 costs a KL of about step^2 / 24). The tail's
mass is stored, never inferred: decoded sums exceed 1 on a quarter of positions. ln R_a at the nodes of
`grid`, on both sides of a = 1, makes any temperature in [0.5, 8] exact to interpolation error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kdray.errors import DataError
from kdray.teacher import bits
from kdray.teacher.codec import Codec, Packed, State, starts
from kdray.teacher.signal import TeacherSignal


@dataclass(frozen=True)
class Head(Codec):
    """Adaptive head, explicit tail.

    Attributes:
        mass: probability that the head should hold.
        k_min: fewest tokens kept.
        k_max: most tokens kept.
        step: quantisation of log-probabilities in nats.
        grid: nodes a = 1/T of ln R_a, without 0 and 1.
    """

    name: ClassVar[str] = "head"
    fields: ClassVar[tuple[str, ...]] = ("count", "ids", "levels", "tail")

    mass: float = 0.95
    k_min: int = 4
    k_max: int = 12
    step: float = 0.125
    grid: tuple[float, ...] = (0.125, 0.25, 0.5, 2.0)

    def bits_per_token(self, vocab: int) -> float:
        """An estimate: the mean count is not known before the teacher is."""
        typical = (self.k_min + 3 * self.k_max) / 4
        return 8 + typical * (_width(vocab) + 8) + 16 * (1 + len(self.grid))

    def encode(
        self,
        logits_NV: NDArray[np.float32],
        labels_N: NDArray[np.int32],
        counts_R: NDArray[np.int64],
        state: State,
    ) -> dict[str, Packed]:
        """See `Codec`."""
        vocab = logits_NV.shape[1]
        ids_NK, logprobs_NK, tail_NG = split(logits_NV, min(self.k_max, vocab), self.grid)
        kept_N = self._counts(logprobs_NK)
        # Tokens beyond a position's count go back into its tail.
        dropped_NK = np.where(
            np.arange(ids_NK.shape[1]) >= kept_N[:, None], logprobs_NK.astype(np.float64), -np.inf
        )
        for g, node in enumerate((1.0, *self.grid)):
            tail_NG[:, g] = np.logaddexp(tail_NG[:, g], _logsumexp(node * dropped_NK))
        real_M = np.isneginf(dropped_NK)
        levels_M = np.minimum(np.round(-logprobs_NK[real_M] / self.step), 255).astype(np.uint8)
        kept_R = np.add.reduceat(np.append(kept_N, 0), starts(counts_R)[:-1]) * (counts_R > 0)
        return {
            "count": Packed.fixed(kept_N.astype(np.uint8), counts_R),
            "ids": _pack_ids(ids_NK[real_M], kept_R, _width(vocab)),
            "levels": Packed(levels_M, starts(kept_R)),
            "tail": Packed.fixed(np.maximum(tail_NG, -60000).astype(np.float16), counts_R),
        }

    def _counts(self, logprobs_NK: NDArray[np.float32]) -> NDArray[np.int64]:
        before_NK = np.cumsum(np.exp(logprobs_NK.astype(np.float64)), 1)
        enough_N = 1 + (before_NK < self.mass).sum(1)
        fewest, most = min(self.k_min, logprobs_NK.shape[1]), logprobs_NK.shape[1]
        return np.asarray(np.clip(enough_N, fewest, most))

    def decode(
        self,
        packed: Mapping[str, Packed],
        labels_N: NDArray[np.int32],
        counts_R: NDArray[np.int64],
        vocab: int,
        state: State,
    ) -> TeacherSignal:
        """See `Codec`."""
        kept_N = packed["count"].read(np.uint8).astype(np.int64)
        kept_R = np.add.reduceat(np.append(kept_N, 0), starts(counts_R)[:-1]) * (counts_R > 0)
        ids_M = _unpack_ids(packed["ids"], kept_R, _width(vocab))
        if (
            len(kept_N) != counts_R.sum()
            or len(packed["levels"].data) != len(ids_M)
            or (ids_M >= vocab).any()
        ):
            raise DataError("a record does not decode: its fields disagree")
        width = max(1, int(kept_N.max(initial=1)))
        real_NK = np.arange(width) < kept_N[:, None]
        ids_NK = np.zeros(real_NK.shape, np.int64)
        logprobs_NK = np.full(real_NK.shape, -np.inf, np.float32)
        ids_NK[real_NK] = ids_M
        logprobs_NK[real_NK] = -self.step * packed["levels"].data.astype(np.float32)
        tail_NG = packed["tail"].read(np.float16, 1 + len(self.grid)).astype(np.float32)
        tail_NG[tail_NG <= -60000] = -np.inf
        return TeacherSignal(ids_NK, logprobs_NK, tail_NG[:, 0], tail_NG[:, 1:], self.grid, vocab)


def split(
    logits_NV: NDArray[np.float32], k: int, grid: tuple[float, ...]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
    """The k likeliest tokens, falling, their log-probabilities, and ln R_a of the rest at a = 1 and each
    node.

    Returns:
        ids int64 [N, k], log-probabilities float32 [N, k], float64 [N, 1 + G]; -inf where there is no rest.
    """
    ids_NK = np.argpartition(-logits_NV, k - 1, axis=1)[:, :k]
    head_NK = np.take_along_axis(logits_NV, ids_NK, 1)
    order_NK = np.lexsort((ids_NK, -head_NK))
    ids_NK, head_NK = np.take_along_axis(ids_NK, order_NK, 1), np.take_along_axis(head_NK, order_NK, 1)
    rest_NV = logits_NV.copy()
    np.put_along_axis(rest_NV, ids_NK, -np.inf, 1)
    top_N1 = np.maximum(rest_NV.max(1, keepdims=True), -1e30)
    rest_NV -= top_N1
    lse_NG = np.empty((len(logits_NV), 1 + len(grid)))
    with np.errstate(divide="ignore"):
        for g, node in enumerate((1.0, *grid)):
            lse_NG[:, g] = np.log(np.exp(np.float32(node) * rest_NV).sum(1, dtype=np.float64))
    lse_NG += top_N1 * np.array((1.0, *grid))
    normaliser_N = np.logaddexp(lse_NG[:, 0], _logsumexp(head_NK.astype(np.float64)))
    lse_NG -= normaliser_N[:, None] * np.array((1.0, *grid))
    return ids_NK.astype(np.int64), (head_NK - normaliser_N[:, None]).astype(np.float32), lse_NG


def _logsumexp(values_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    top_N1 = np.maximum(values_NK.max(1, keepdims=True), -1e30)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(values_NK - top_N1).sum(1)) + top_N1[:, 0])


def _width(vocab: int) -> int:
    return max(1, int(vocab - 1).bit_length())


def _pack_ids(ids_M: NDArray[np.int64], kept_R: NDArray[np.int64], width: int) -> Packed:
    """Fixed-width ids, each row beginning at a byte."""
    offsets_R = starts((kept_R * width + 7) // 8)
    return Packed(bits.pack(ids_M, _bit_offsets(offsets_R, kept_R, width), int(offsets_R[-1])), offsets_R)


def _unpack_ids(packed: Packed, kept_R: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    if (np.diff(packed.offsets_R) != (kept_R * width + 7) // 8).any():
        raise DataError("a record does not decode: its ids have another length than its counts say")
    return bits.unpack(packed.data, _bit_offsets(packed.offsets_R, kept_R, width), width)


def _bit_offsets(offsets_R: NDArray[np.int64], kept_R: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    within_M = np.arange(kept_R.sum()) - np.repeat(starts(kept_R)[:-1], kept_R)
    return np.asarray(np.repeat(offsets_R[:-1] * 8, kept_R) + within_M * width)
