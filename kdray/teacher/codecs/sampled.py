"""Random-sampling KD (arXiv 2503.16870): how often each token came up in a few draws from the teacher.

Unbiased for the gradient at T = 1 where a top-k store is not; its counts say little at other temperatures.
There is no tail: what was not drawn has probability 0. The loss for it is `sampled`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kdray.errors import DataError
from kdray.storage import sha256
from kdray.teacher import bits
from kdray.teacher.codec import Codec, Packed, State, starts
from kdray.teacher.codecs.full import log_probs
from kdray.teacher.signal import TeacherSignal

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Sampled(Codec):
    """Counts of draws.

    Attributes:
        draws: per position, at most 255.
        seed: with the labels and logits of a row, where its draws come from.
    """

    name: ClassVar[str] = "sampled"
    fields: ClassVar[tuple[str, ...]] = ("unique", "ids", "counts")

    draws: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.draws <= 255:
            raise DataError(f"codec sampled: draws {self.draws}: 1 to 255")

    def bits_per_token(self, vocab: int) -> float:
        """An estimate: about a quarter of the draws are different tokens."""
        return 8 + self.draws / 4 * (_width(vocab) + 8)

    def encode(
        self, logits_NV: NDArray[np.float32], labels_N: NDArray[np.int32], counts_R: Ints, state: State
    ) -> dict[str, Packed]:
        """See `Codec`."""
        count, vocab = logits_NV.shape
        sums_NV = np.cumsum(np.exp(log_probs(logits_NV).astype(np.float64)), 1)
        sums_NV /= sums_NV[:, -1:]
        uniform_ND = self._uniform(logits_NV, labels_N, counts_R)
        # One search for all positions: position n's probabilities stand between n and n + 1.
        flat = (sums_NV + np.arange(count)[:, None]).reshape(-1)
        drawn = np.searchsorted(flat, (uniform_ND + np.arange(count)[:, None]).reshape(-1), side="right")
        drawn = np.minimum(drawn, np.repeat(np.arange(1, count + 1) * vocab - 1, self.draws))
        found_M, times_M = np.unique(drawn, return_counts=True)
        unique_N = np.bincount(found_M // vocab, minlength=count)
        unique_R = _per_row(unique_N, counts_R)
        offsets_R = starts((unique_R * _width(vocab) + 7) // 8)
        ids = bits.pack(found_M % vocab, _bit_offsets(offsets_R, unique_R, _width(vocab)), int(offsets_R[-1]))
        return {
            "unique": Packed.fixed(unique_N.astype(np.uint8), counts_R, 1),
            "ids": Packed(ids, offsets_R),
            "counts": Packed.fixed(times_M.astype(np.uint8), unique_R, 1),
        }

    def _uniform(
        self, logits_NV: NDArray[np.float32], labels_N: NDArray[np.int32], counts_R: Ints
    ) -> NDArray[np.float64]:
        """[N, draws] in [0, 1): a function of the seed and of each row alone."""
        edges_R, parts = starts(counts_R), [np.empty((0, self.draws))]
        for start, end in pairwise(edges_R):
            content = sha256(labels_N[start:end].tobytes() + logits_NV[start:end].tobytes())
            rng = np.random.default_rng([self.seed, int(content[:16], 16)])
            parts.append(rng.random((end - start, self.draws)))
        return np.concatenate(parts)

    def decode(
        self,
        packed: Mapping[str, Packed],
        labels_N: NDArray[np.int32],
        counts_R: Ints,
        vocab: int,
        state: State,
    ) -> TeacherSignal:
        """See `Codec`."""
        unique_N = packed["unique"].data.astype(np.int64)
        if len(unique_N) != len(labels_N):
            raise DataError("a record does not decode: not one signal row per target position")
        unique_R, width, offsets_R = _per_row(unique_N, counts_R), _width(vocab), packed["ids"].offsets_R
        if (np.diff(offsets_R) != (unique_R * width + 7) // 8).any() or packed[
            "counts"
        ].data.size != unique_R.sum():
            raise DataError("a record does not decode: its fields have other lengths than its counts say")
        widths_M = np.full(unique_R.sum(), width)
        ids_M = bits.unpack(packed["ids"].data, _bit_offsets(offsets_R, unique_R, width), widths_M)
        if (ids_M >= vocab).any() or (unique_N < 1).any():
            raise DataError(
                "a record does not decode: a position without tokens, or an id outside of the vocabulary"
            )
        real_NK = np.arange(unique_N.max(initial=1)) < unique_N[:, None]
        ids_NK, logprobs_NK = np.zeros(real_NK.shape, np.int64), np.full(real_NK.shape, -np.inf, np.float32)
        ids_NK[real_NK] = ids_M
        logprobs_NK[real_NK] = np.log(packed["counts"].data / np.float32(self.draws))
        no_tail_N = np.full(len(unique_N), -np.inf, np.float32)
        return TeacherSignal(
            ids_NK, logprobs_NK, no_tail_N, np.empty((len(unique_N), 0), np.float32), (), vocab
        )


def _width(vocab: int) -> int:
    return max(1, int(vocab - 1).bit_length())


def _bit_offsets(offsets_R: Ints, unique_R: Ints, width: int) -> Ints:
    within_M = np.arange(unique_R.sum()) - np.repeat(starts(unique_R)[:-1], unique_R)
    return np.asarray(np.repeat(offsets_R[:-1] * 8, unique_R) + within_M * width)


def _per_row(counts_N: Ints, counts_R: Ints) -> Ints:
    return np.asarray(np.diff(np.concatenate([[0], np.cumsum(counts_N)])[starts(counts_R)]))
