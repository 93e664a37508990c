"""The default codec: the likeliest tokens exactly enough, the weight of the rest at any temperature, and its
spread.

A position keeps the fewest tokens that hold `mass`, at least `k_min` and at most `k_max`: what a truncated
store loses is lost on a few positions of high entropy, so an adaptive k beats a fixed one at equal size. Of a
position are stored:

    record       number of kept tokens and which of them is the label; the tail's weight (`weights`) and
                 spread (`spread`)
    tags, ranks  ids of the other kept tokens by frequency (`ranks`)
    rises, wide  how far each kept token lies below the one before (`levels`)
    exact        the tail's weight in float16 where three bytes would not do

The head's log-probabilities are stored relative to the likeliest: the tail's mass fixes their level, so that
head and tail sum to 1 exactly (decoded sums of a store that infers the tail's mass exceed 1 on a quarter of
positions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kdray.corpus.sample import evenly
from kdray.errors import DataError
from kdray.teacher.codec import Codec, FitSample, Packed, State, starts
from kdray.teacher.codecs import levels, ranks, spread, vq, weights
from kdray.teacher.codecs.parts import Parts
from kdray.teacher.signal import TailSpread, TeacherSignal

Ints = NDArray[np.int64]
BASIS_ELEMENTS = 1 << 27
"""Log-probabilities at most that the directions of the tail's spread are found in."""


@dataclass(frozen=True)
class Head(Codec):
    """Adaptive head, explicit tail.

    Attributes:
        mass: probability that the head should hold.
        k_min: fewest tokens kept.
        k_max: most tokens kept.
        step: grid of the log-probabilities next to the likeliest token, nats.
        growth: how fast that grid grows coarser with the distance, per nat.
        grid: nodes a = 1/T of ln R_a, without 0 and 1.
        spread_bytes: bytes for the tail's spread; 0 leaves it even.
        spread_rank: directions that they describe.
    """

    name: ClassVar[str] = "head"
    fields: ClassVar[tuple[str, ...]] = ("record", "tags", "ranks", "rises", "wide", "exact")
    fitted: ClassVar[bool] = True

    mass: float = 0.95
    k_min: int = 4
    k_max: int = 8
    step: float = 0.1
    growth: float = 0.25
    grid: tuple[float, ...] = (0.125, 0.25, 0.5, 2.0)
    spread_bytes: int = 8
    spread_rank: int = 32

    def __post_init__(self) -> None:
        if not 1 <= self.k_min <= self.k_max <= 255 or not 0 < self.mass <= 1:
            raise DataError(f"codec head: 1 <= k_min <= k_max <= 255 and 0 < mass <= 1, not {self.params()}")
        if self.step <= 0 or self.growth < 0 or self.spread_bytes < 0 or self.spread_rank < 1:
            raise DataError(
                f"codec head: step and spread_rank above 0, growth and spread_bytes not below, {self.params()}"
            )

    def bits_per_token(self, vocab: int) -> float:
        """An estimate: the number of kept tokens and the frequency of ids are the teacher's."""
        kept = (self.k_min + 3 * min(self.k_max, vocab)) / 4
        identity = 0.7 * max(1, int(vocab - 1).bit_length())
        return 8 * (self._record_bytes + self.spread_bytes) + (kept - 0.75) * identity + (kept - 1) * 4.5

    @property
    def _record_bytes(self) -> int:
        return (1 if self.k_max <= 15 else 2) + weights.BOOKS

    def fit(self, sample: FitSample) -> State:
        """See `Codec`."""
        parts, others, some = [], [], _Some(len(sample))
        for logits_NV, labels_N in sample:
            part = Parts.of(logits_NV, self.mass, (self.k_min, self.k_max), self.grid)
            parts.append(part)
            others.append(part.ids_NK[part.kept_NK & (part.ids_NK != labels_N[:, None])])
            if self.spread_bytes:
                some.take(part.logprobs(logits_NV))
            vocab = logits_NV.shape[1]
        state = ranks.fit(np.concatenate(others), vocab)
        state |= weights.fit(
            np.concatenate([weights.values(part.tail_NG) for part in parts]),
            np.concatenate([part.odds(self.grid) for part in parts]),
        )
        if self.spread_bytes:
            again = zip((logits_NV for logits_NV, _ in sample), parts, strict=True)
            tails = (part.spread_tail(logits_NV) for logits_NV, part in again)
            state |= spread.fit(some.values_NV, tails, self.spread_rank, self.spread_bytes)
        return state

    def shapes(self, state: State, vocab: int) -> dict[str, tuple[int, ...]]:
        """See `Codec`."""
        nodes, rank = 1 + len(self.grid), len(state.get("spread.basis", ()))
        shapes: dict[str, tuple[int, ...]] = {
            "ranks.order": (vocab,),
            "ranks.widths": (4,),
            "weights.books": (weights.BOOKS, vq.ENTRIES, nodes),
            "weights.scale": (nodes,),
        }
        if self.spread_bytes:
            shapes |= {
                "spread.basis": (rank, vocab),
                "spread.books": (self.spread_bytes, vq.ENTRIES, rank),
                "spread.unmetric": (rank, rank),
            }
        return shapes

    def encode(
        self, logits_NV: NDArray[np.float32], labels_N: NDArray[np.int32], counts_R: Ints, state: State
    ) -> dict[str, Packed]:
        """See `Codec`."""
        parts = Parts.of(logits_NV, self.mass, (self.k_min, self.k_max), self.grid)
        count_N = parts.kept_NK.sum(1)
        is_label_NK = parts.kept_NK & (parts.ids_NK == labels_N[:, None])
        slot_N = np.where(is_label_NK.any(1), is_label_NK.argmax(1) + 1, 0)
        other_NK = parts.kept_NK & ~is_label_NK
        codes_NB, exact = weights.encode(
            weights.values(parts.tail_NG), parts.odds(self.grid), counts_R, state
        )
        spread_NB = (
            spread.encode(logits_NV, state) if self.spread_bytes else np.empty((len(count_N), 0), np.uint8)
        )
        grid = levels.Grid(self.step, self.growth)
        level_NK = grid.level(np.where(parts.kept_NK, parts.head_NK[:, :1] - parts.head_NK, 0.0))
        rises_NK = np.diff(level_NK, axis=1)[parts.kept_NK[:, 1:]]
        tags, ranked = ranks.encode(parts.ids_NK[other_NK], _per_row(other_NK.sum(1), counts_R), state)
        rises, wide = levels.encode(rises_NK, _per_row(count_N - 1, counts_R))
        record_NB = np.concatenate([self._counts(count_N, slot_N), codes_NB, spread_NB], 1)
        record = Packed.fixed(record_NB, counts_R, record_NB.shape[1])
        return {"record": record, "tags": tags, "ranks": ranked, "rises": rises, "wide": wide, "exact": exact}

    def _counts(self, count_N: Ints, slot_N: Ints) -> NDArray[np.uint8]:
        """Count and label slot as one byte where both fit, else two."""
        columns = [count_N | slot_N << 4] if self.k_max <= 15 else [count_N, slot_N]
        return np.stack(columns, 1).astype(np.uint8)

    def decode(
        self,
        packed: Mapping[str, Packed],
        labels_N: NDArray[np.int32],
        counts_R: Ints,
        vocab: int,
        state: State,
    ) -> TeacherSignal:
        """See `Codec`."""
        if packed["record"].data.size != len(labels_N) * (self._record_bytes + self.spread_bytes):
            raise DataError("a record does not decode: not one signal row per target position")
        record_NB = packed["record"].read(np.uint8, self._record_bytes + self.spread_bytes)
        first = record_NB[:, 0].astype(np.int64)
        count_N, slot_N = (
            (first & 15, first >> 4) if self.k_max <= 15 else (first, record_NB[:, 1].astype(np.int64))
        )
        if (count_N < 1).any() or (slot_N > count_N).any():
            raise DataError("a record does not decode: a position without tokens")
        columns_K = np.arange(count_N.max(initial=1))
        kept_NK = columns_K < count_N[:, None]
        is_label_NK = columns_K == slot_N[:, None] - 1
        other_NK = kept_NK & ~is_label_NK
        ids_NK = np.where(is_label_NK, labels_N[:, None], 0).astype(np.int64)
        other_R = _per_row(other_NK.sum(1), counts_R)
        ids_NK[other_NK] = ranks.decode(packed["tags"], packed["ranks"], other_R, state)
        level_NK = np.zeros(kept_NK.shape, np.int64)
        rises_R = _per_row(count_N - 1, counts_R)
        level_NK[:, 1:][kept_NK[:, 1:]] = levels.decode(packed["rises"], packed["wide"], rises_R)
        distance_NK = levels.Grid(self.step, self.growth).distance(np.cumsum(level_NK, 1))
        codes_NB = record_NB[:, self._record_bytes - weights.BOOKS : self._record_bytes]
        values_NG = weights.decode(codes_NB, packed["exact"], counts_R, state)
        tail_N, head_N = weights.from_odds(values_NG[:, 0])
        falling_NK = np.where(kept_NK, -distance_NK, -np.inf)
        logprobs_NK = falling_NK + (head_N - np.log(np.exp(falling_NK).sum(1)))[:, None]
        codes_NB = record_NB[:, self._record_bytes :]
        return TeacherSignal(
            ids_NK,
            logprobs_NK.astype(np.float32),
            tail_N,
            values_NG[:, 1:],
            self.grid,
            vocab,
            TailSpread(*spread.decode(codes_NB, state)) if self.spread_bytes else None,
        )


def _per_row(counts_N: Ints, counts_R: Ints) -> Ints:
    """Sums over the positions of each row."""
    return np.asarray(np.diff(np.concatenate([[0], np.cumsum(counts_N)])[starts(counts_R)]))


class _Some:
    """Positions taken evenly from a sample as it passes, `BASIS_ELEMENTS` numbers of them at most."""

    def __init__(self, positions: int) -> None:
        self._positions, self._passed, self._filled = positions, 0, 0
        self.values_NV = np.empty((0, 0), np.float32)

    def take(self, values_NV: NDArray[np.float32]) -> None:
        count, vocab = values_NV.shape
        wanted = evenly(self._positions, max(1, BASIS_ELEMENTS // vocab))
        if not self._passed:
            self.values_NV = np.empty((len(wanted), vocab), np.float32)
        here = [i - self._passed for i in wanted if self._passed <= i < self._passed + count]
        self.values_NV[self._filled : self._filled + len(here)] = values_NV[here]
        self._filled += len(here)
        self._passed += count
