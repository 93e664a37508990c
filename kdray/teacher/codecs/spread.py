"""How a tail is spread over its tokens, in a few bytes.

A language model's logits lie near a plane of low dimension, so 32 directions (principal components of the
teacher's log-probabilities on a sample) describe a tail that an even spread misses entirely, and their
coefficients are vector quantised. Measured on a 6 M-parameter decoder, V = 4,096, head of 8: full KL at T = 1
of .73 for an even tail, .55 with a slope against the corpus's unigram frequencies, .069 / .047 / .036 with 4
/ 6 / 8 bytes of this.

Coefficients come from one fixed projection: a least-squares fit per position with the tail's own weights
gives .016 instead of .024 before quantisation, at 16 times the work.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdray.teacher.codec import State
from kdray.teacher.codecs import vq

Floats = NDArray[np.float32]
SOFTENED = 0.6
"""Errors are weighed by tail probabilities to this power: between what counts at T = 1 and at high T."""


@dataclass(frozen=True)
class Tail:
    """Positions of a sample.

    Attributes:
        logprobs_NV: of the teacher.
        in_head_NV: which tokens are kept, so do not count.
        tail_N: ln of the tail's mass.
    """

    logprobs_NV: Floats
    in_head_NV: NDArray[np.bool_]
    tail_N: Floats


def fit(some_NV: Floats, tails: Iterable[Tail], rank: int, books: int) -> State:
    """Basis, projection and books.

    Args:
        some_NV: log-probabilities that the directions are found in; overwritten.
        tails: the whole sample, some positions at a time.
        rank: directions, the mean being the first.
        books: bytes of a position.
    """
    rank = min(rank, some_NV.shape[1] - 1, len(some_NV))
    some_NV -= some_NV.mean(1, keepdims=True)
    mean_V = some_NV.mean(0)
    some_NV -= mean_V
    basis_RV = (
        np.concatenate([mean_V[None], _principal(some_NV, rank - 1)]).astype(np.float16).astype(np.float32)
    )
    # Least squares with a constant beside the basis; the constant is not needed afterwards.
    with_one = np.concatenate([basis_RV, np.ones((1, basis_RV.shape[1]), np.float32)]).astype(np.float64)
    gram = with_one @ with_one.T + 1e-6 * np.eye(rank + 1)
    projection_RV = np.linalg.solve(gram, with_one)[:rank].astype(np.float32)
    fisher, coefficients = np.zeros((rank, rank)), []
    for tail in tails:
        fisher += _fisher(tail, basis_RV)
        coefficients.append(tail.logprobs_NV @ projection_RV.T)
    coefficients_NR = np.concatenate(coefficients)
    metric = _metric(fisher / len(coefficients_NR))
    return {
        "spread.basis": basis_RV.astype(np.float16),
        "spread.projection": (metric.T @ projection_RV).astype(np.float32),
        "spread.books": vq.train(np.asarray(coefficients_NR @ metric, np.float32), books),
        "spread.unmetric": np.linalg.inv(metric).astype(np.float32),
    }


def _principal(centred_NV: Floats, count: int) -> Floats:
    """The first principal directions by subspace iteration, each scaled to a mean square of 1."""
    if count == 0:
        return np.empty((0, centred_NV.shape[1]), np.float32)
    guess = np.random.default_rng(0).standard_normal((centred_NV.shape[1], count + 8)).astype(np.float32)
    for _ in range(4):
        guess, _ = np.linalg.qr(centred_NV.T @ (centred_NV @ guess))
    _, _, turn = np.linalg.svd(centred_NV @ guess, full_matrices=False)
    directions = (turn @ guess.T)[:count]
    return np.asarray(directions * np.sqrt(centred_NV.shape[1]), np.float32)


def _fisher(tail: Tail, basis_RV: Floats) -> NDArray[np.float64]:
    """[R, R] F, summed over positions: x F x is the KL that an error x of the coefficients causes (twice, to
    second order).
    """
    tail_N = tail.tail_N
    weights_NV = np.where(tail.in_head_NV, -np.inf, SOFTENED * tail.logprobs_NV)
    weights_NV -= np.maximum(weights_NV.max(1, keepdims=True), -1e30)
    np.exp(weights_NV, out=weights_NV)
    weights_NV *= (np.exp(tail_N) / np.maximum(weights_NV.sum(1), 1e-30))[:, None]
    means_NR = weights_NV @ basis_RV.T
    second = (basis_RV * weights_NV.sum(0)) @ basis_RV.T
    # A mean of M w B has the weight M once; the product of two needs 1 / M.
    scale_N = np.exp(-np.maximum(tail_N, -30.0))
    return np.asarray(second - (means_NR * scale_N[:, None]).T @ means_NR, np.float64)


def _metric(fisher: NDArray[np.float64]) -> Floats:
    """L with L L' = F."""
    values, vectors = np.linalg.eigh((fisher + fisher.T) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 1e-6 * values.max() + 1e-12)), np.float32)


def encode(logprobs_NV: Floats, state: State) -> NDArray[np.uint8]:
    """uint8 [N, books]."""
    return vq.encode(logprobs_NV @ state["spread.projection"].T, state["spread.books"])


def decode(codes: NDArray[np.uint8], state: State) -> tuple[Floats, NDArray[np.float16]]:
    """Coefficients float32 [N, R] and basis float16 [R, V]."""
    return vq.decode(codes, state["spread.books"]) @ state["spread.unmetric"], state["spread.basis"]
