"""Logits taken apart into the likeliest tokens and the power sums of the rest."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdray.teacher.codecs import spread

Ints = NDArray[np.int64]
ELEMENTS = 1 << 18
"""Of logits that are taken apart at a time, about: the work takes several times their bytes, and is done in a
processor's cache."""
DEEP = 64
"""Tokens of a bundle, of which the largest is looked at first."""


@dataclass(frozen=True)
class Parts:
    """Logits taken apart.

    Attributes:
        ids_NK: likeliest first.
        kept_NK: which of them are kept.
        head_NK: float64 log-probabilities at T = 1.
        tail_NG: float64 ln R_a of what is not kept at a = 1 and each node; -inf where nothing is left.
        normaliser_N: float64, logits minus it are log-probabilities.
    """

    ids_NK: Ints
    kept_NK: NDArray[np.bool_]
    head_NK: NDArray[np.float64]
    tail_NG: NDArray[np.float64]
    normaliser_N: NDArray[np.float64]

    @classmethod
    def of(
        cls, logits_NV: NDArray[np.float32], mass: float, kept: tuple[int, int], grid: tuple[float, ...]
    ) -> Parts:
        """Takes them apart, some positions at a time: the fewest tokens that hold `mass` are kept, at least and at
        most as many as `kept` says, and of the rest the power sums at 1 and at each node of the grid.
        """
        size = max(1, ELEMENTS // logits_NV.shape[1])
        places = range(0, max(1, len(logits_NV)), size)
        parts = [cls._of(logits_NV[start : start + size], mass, kept, (1.0, *grid)) for start in places]
        return cls(
            *(
                np.concatenate([getattr(part, field.name) for part in parts])
                for field in dataclasses.fields(cls)
            )
        )

    @classmethod
    def _of(
        cls, logits_NV: NDArray[np.float32], mass: float, kept: tuple[int, int], at: tuple[float, ...]
    ) -> Parts:
        k, nodes = min(kept[1], logits_NV.shape[1]), np.array(at)
        ids_NK = top(logits_NV, k)
        head_NK = np.take_along_axis(logits_NV, ids_NK, 1).astype(np.float64)
        rest_NV = logits_NV.copy()
        np.put_along_axis(rest_NV, ids_NK, -np.inf, 1)
        tail_NG = power_sums(rest_NV, tuple(nodes))
        normaliser_N = np.logaddexp(tail_NG[:, 0], logsumexp(head_NK))
        head_NK -= normaliser_N[:, None]
        tail_NG -= normaliser_N[:, None] * nodes
        before_NK = np.cumsum(np.exp(head_NK), 1)
        count_N = np.clip(1 + (before_NK < mass).sum(1), min(kept[0], k), k)
        kept_NK = np.arange(k) < count_N[:, None]
        # Tokens beyond a position's count go back into its tail.
        dropped_NK = np.where(kept_NK, -np.inf, head_NK)
        for g, node in enumerate(nodes):
            tail_NG[:, g] = np.logaddexp(tail_NG[:, g], logsumexp(node * dropped_NK))
        return cls(ids_NK, kept_NK, head_NK, tail_NG, normaliser_N)

    def odds(self, grid: tuple[float, ...]) -> NDArray[np.float64]:
        """[N, 1 + G] log-odds of the tail at a = 1 and each node."""
        kept_NK = np.where(self.kept_NK, self.head_NK, -np.inf)
        return self.tail_NG - np.stack([logsumexp(node * kept_NK) for node in (1.0, *grid)], 1)

    def logprobs(self, logits_NV: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-probabilities of the logits that these are the parts of."""
        return np.asarray(logits_NV - self.normaliser_N[:, None].astype(np.float32))

    def spread_tail(self, logits_NV: NDArray[np.float32]) -> spread.Tail:
        """What the fit of the tail's spread reads of these logits."""
        in_head_NV = np.zeros(logits_NV.shape, bool)
        at_N, _ = np.nonzero(self.kept_NK)
        in_head_NV[at_N, self.ids_NK[self.kept_NK]] = True
        return spread.Tail(self.logprobs(logits_NV), in_head_NV, self.tail_NG[:, 0].astype(np.float32))


def top(logits_NV: NDArray[np.float32], k: int) -> Ints:
    """The k likeliest ids of each position, likeliest first, ties by id."""
    ids_NK = np.sort(_largest(logits_NV, k), 1)
    order_NK = np.argsort(-np.take_along_axis(logits_NV, ids_NK, 1), axis=1, kind="stable")
    return np.take_along_axis(ids_NK, order_NK, 1).astype(np.int64)


def _largest(logits_NV: NDArray[np.float32], k: int) -> Ints:
    """The k likeliest ids of each position. They are in the k bundles whose largest are the largest: a partition
    of the whole vocabulary takes many times as long as a look at every token.
    """
    count, vocab = logits_NV.shape
    bundles = vocab // DEEP
    if bundles <= 2 * k:
        return np.argpartition(-logits_NV, k - 1, axis=1)[:, :k]
    # Bundle b is of the tokens b, b + bundles, b + 2 bundles and so on; what is over is looked at besides.
    best_NB = logits_NV[:, : DEEP * bundles].reshape(count, DEEP, bundles).max(1)
    chosen_NK = np.argpartition(-best_NB, k - 1, axis=1)[:, :k]
    within_NC = (chosen_NK[:, :, None] + bundles * np.arange(DEEP)).reshape(count, -1)
    over_NC = np.broadcast_to(np.arange(DEEP * bundles, vocab), (count, vocab - DEEP * bundles))
    ids_NC = np.concatenate([within_NC, over_NC], 1)
    largest_NK = np.argpartition(-np.take_along_axis(logits_NV, ids_NC, 1), k - 1, axis=1)[:, :k]
    return np.take_along_axis(ids_NC, largest_NK, 1)


def power_sums(rest_NV: NDArray[np.float32], nodes: tuple[float, ...]) -> NDArray[np.float64]:
    """ln of the sum of exp(a * logit) for each a; overwrites `rest_NV`."""
    top_N1 = np.maximum(rest_NV.max(1, keepdims=True), np.float32(-1e30))
    rest_NV -= top_N1
    result_NG = np.empty((len(rest_NV), len(nodes)))
    at, power_NV = 0.0, rest_NV
    with np.errstate(divide="ignore", under="ignore"):
        for g in np.argsort(nodes):
            # A node twice the one before is its square: one exponential serves 1/8, 1/4, 1/2, 1 and 2.
            if nodes[g] == 2 * at:
                power_NV *= power_NV
            else:
                power_NV = np.exp(np.float32(nodes[g]) * rest_NV)
            at = nodes[g]
            result_NG[:, g] = np.log(power_NV.sum(1, dtype=np.float64))
    return np.asarray(result_NG + top_N1 * np.array(nodes))


def logsumexp(values_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N], -inf where there is nothing."""
    top_N1 = np.maximum(values_NK.max(1, keepdims=True), -1e30)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(values_NK - top_N1).sum(1)) + top_N1[:, 0])
