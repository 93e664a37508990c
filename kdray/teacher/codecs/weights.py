"""The tail's weight at a few temperatures, in three bytes.

The log-odds of the tail at T = 1 and ln R_a at each node move together, so they are vector quantised: three
books leave a bucketed KL below 1e-5 at every node. Books know the sample they were fitted to; a position
whose error would cost more than `TOLERATED` nats, or that has no tail, keeps its values in float16 instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kdray.errors import DataError
from kdray.teacher.codec import Packed, State, starts
from kdray.teacher.codecs import vq

Floats = NDArray[np.float32]
BOOKS = 3
TOLERATED = 3e-4
_EXACT = 255
_NONE = -60000.0


def values(tail_NG: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln R_a with its first column, ln M, as log-odds ln(M / (1 - M)): exact near M = 0 and near M = 1."""
    result_NG = tail_NG.copy()
    with np.errstate(divide="ignore"):
        result_NG[:, 0] -= np.log(-np.expm1(np.minimum(tail_NG[:, 0], -1e-7)))
    return result_NG


def from_odds(odds_N: Floats) -> tuple[Floats, Floats]:
    """ln M and ln(1 - M)."""
    return -np.logaddexp(0, -odds_N), -np.logaddexp(0, odds_N)


def fit(values_NG: NDArray[np.float64], odds_NG: NDArray[np.float64]) -> State:
    """Books for values like these; positions without a tail do not count.

    Args:
        values_NG: log-odds of the tail at T = 1, and ln R_a at each node.
        odds_NG: log-odds of the tail, ln R_a - ln S_a, at a = 1 and each node.
    """
    sound_N = np.isfinite(values_NG).all(1)
    values_NG = values_NG[sound_N] if sound_N.any() else np.zeros((1, values_NG.shape[1]))
    odds_NG = odds_NG[sound_N] if sound_N.any() else np.zeros_like(values_NG)
    # An error of a log-odds costs M (1 - M) / 2 times its square.
    shares_NG = np.exp(-np.logaddexp(0, odds_NG) - np.logaddexp(0, -odds_NG))
    scale_G = np.sqrt(shares_NG.mean(0) + 1e-6).astype(np.float32)
    books = vq.train((values_NG * scale_G).astype(np.float32), BOOKS)
    books[0, _EXACT] = 1e4  # never the nearest: its number says that exact values follow
    return {"weights.books": books, "weights.scale": scale_G}


def encode(
    values_NG: NDArray[np.float64], odds_NG: NDArray[np.float64], counts_R: NDArray[np.int64], state: State
) -> tuple[NDArray[np.uint8], Packed]:
    """Codes uint8 [N, BOOKS], and the exact values of the positions that need them; arguments as for `fit`."""
    finite_NG = np.where(np.isfinite(values_NG), values_NG, 0.0)
    codes_NB = vq.encode((finite_NG * state["weights.scale"]).astype(np.float32), state["weights.books"])
    error_NG = vq.decode(codes_NB, state["weights.books"]) / state["weights.scale"] - finite_NG
    exact_N = (_cost(odds_NG, error_NG).max(1) > TOLERATED) | ~np.isfinite(values_NG).all(1)
    codes_NB[exact_N, 0] = _EXACT
    kept = np.maximum(values_NG[exact_N], _NONE).astype(np.float16)
    row_N = np.repeat(np.arange(len(counts_R)), counts_R)
    counts = np.bincount(row_N[exact_N], minlength=len(counts_R))
    return codes_NB, Packed.fixed(kept, counts, 2 * values_NG.shape[1])


def _cost(odds_NG: NDArray[np.float64], error_NG: NDArray[np.float64]) -> NDArray[np.float64]:
    """KL of tail against head when its log-odds are off by so much."""
    odds_NG = np.clip(odds_NG, -1e4, 1e4)
    wrong_NG = odds_NG + error_NG
    tail_NG = np.exp(-np.logaddexp(0, -odds_NG))
    in_tail_NG = np.logaddexp(0, -wrong_NG) - np.logaddexp(0, -odds_NG)
    in_head_NG = np.logaddexp(0, wrong_NG) - np.logaddexp(0, odds_NG)
    return np.asarray(tail_NG * in_tail_NG + (1 - tail_NG) * in_head_NG)


def decode(codes_NB: NDArray[np.uint8], exact: Packed, counts_R: NDArray[np.int64], state: State) -> Floats:
    """The values. Raises `DataError` where lengths do not fit."""
    values_NG = np.asarray(vq.decode(codes_NB, state["weights.books"]) / state["weights.scale"], np.float32)
    exact_N = codes_NB[:, 0] == _EXACT
    ends_R = np.concatenate([[0], np.cumsum(exact_N)])[starts(counts_R)]
    if (2 * values_NG.shape[1] * ends_R != exact.offsets_R).any():
        raise DataError("a record does not decode: it has another number of exact tails than it says")
    kept = exact.read(np.float16, values_NG.shape[1]).astype(np.float32)
    kept[kept[:, 0] <= _NONE] = -np.inf
    values_NG[exact_N] = kept
    return values_NG
