"""How near a stored signal is to the teacher it was taken from, at any temperature.

Shape suffixes: N positions, K kept tokens, V vocabulary. All values in nats, float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kdray.teacher.signal import TeacherSignal
from kdray.teacher.tail import tail_at

Array = NDArray[np.float64]

TEMPERATURES = (0.5, 1.0, 2.0, 4.0, 8.0)
_BLOCK = 1 << 22


def log_softmax(logits_NV: NDArray[np.float32], temperature: float = 1.0) -> Array:
    """Log-probabilities at a temperature."""
    return np.asarray(special.log_softmax(logits_NV.astype(np.float64) / temperature, axis=1))


def coarse(signal: TeacherSignal, temperature: float) -> tuple[Array, Array]:
    """Stored log-probabilities at a temperature: kept tokens [N, K], tail [N]; -inf for none."""
    head_NK = signal.logprobs_NK.astype(np.float64) / temperature
    tail_N = tail_at(signal, temperature).astype(np.float64)
    with np.errstate(divide="ignore"):
        normaliser_N = np.log(np.exp(head_NK).sum(1) + np.exp(tail_N))
    return head_NK - normaliser_N[:, None], tail_N - normaliser_N


def dense(signal: TeacherSignal, temperature: float) -> Array:
    """[N, V] stored log-probabilities at a temperature, the tail spread as the codec spreads it."""
    head_NK, tail_N = coarse(signal, temperature)
    kept_NK = np.isfinite(signal.logprobs_NK)
    if signal.spread is None:
        spread_NV = np.zeros((len(signal), signal.vocab))
    else:
        coefficients_NR = signal.spread.coefficients_NR.astype(np.float64) / temperature
        spread_NV = coefficients_NR @ signal.spread.basis_RV.astype(np.float64)
    at_N, _ = np.nonzero(kept_NK)
    spread_NV[at_N, signal.ids_NK[kept_NK]] = -np.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        spread_NV += tail_N[:, None] - np.log(np.exp(spread_NV).sum(1, keepdims=True))
    spread_NV[at_N, signal.ids_NK[kept_NK]] = head_NK[kept_NK]
    spread_NV[np.isnan(spread_NV)] = -np.inf
    return spread_NV


def bucketed_kl(logits_NV: NDArray[np.float32], signal: TeacherSignal, temperature: float) -> Array:
    """[N] KL(teacher || stored) over the kept tokens and one bucket for the rest."""
    return np.concatenate([_bucketed(*block, temperature) for block in _blocks(logits_NV, signal)])


def _bucketed(logits_NV: NDArray[np.float32], signal: TeacherSignal, temperature: float) -> Array:
    exact_NV = log_softmax(logits_NV, temperature)
    kept_NK = np.isfinite(signal.logprobs_NK)
    exact_NK = np.where(kept_NK, np.take_along_axis(exact_NV, signal.ids_NK, 1), -np.inf)
    at_N, _ = np.nonzero(kept_NK)
    exact_NV[at_N, signal.ids_NK[kept_NK]] = -np.inf
    mass_N = np.exp(exact_NV).sum(1)
    head_NK, tail_N = coarse(signal, temperature)
    return np.asarray(_kl(exact_NK, head_NK).sum(1) + _kl(_log(mass_N), tail_N))


def full_kl(logits_NV: NDArray[np.float32], signal: TeacherSignal, temperature: float) -> Array:
    """[N] KL(teacher || stored) over all tokens."""
    return np.concatenate(
        [
            _kl(log_softmax(z, temperature), dense(s, temperature)).sum(1)
            for z, s in _blocks(logits_NV, signal)
        ]
    )


def entropy(signal: TeacherSignal, temperature: float) -> Array:
    """[N] entropy of the stored teacher, its tail taken as even: an upper bound within what is stored."""
    head_NK, tail_N = coarse(signal, temperature)
    rest_N = np.maximum(signal.vocab - np.isfinite(signal.logprobs_NK).sum(1), 1)
    return np.asarray(np.exp(tail_N) * np.log(rest_N) - _plogp(head_NK).sum(1) - _plogp(tail_N))


def select(signal: TeacherSignal, positions: slice | NDArray[np.int64]) -> TeacherSignal:
    """The signal of some positions."""
    spread = signal.spread
    if spread is not None:
        spread = replace(spread, coefficients_NR=spread.coefficients_NR[positions])
    return replace(
        signal,
        ids_NK=signal.ids_NK[positions],
        logprobs_NK=signal.logprobs_NK[positions],
        tail_N=signal.tail_N[positions],
        tail_lse_NG=signal.tail_lse_NG[positions],
        spread=spread,
    )


def _blocks(
    logits_NV: NDArray[np.float32], signal: TeacherSignal
) -> Iterator[tuple[NDArray[np.float32], TeacherSignal]]:
    """Positions in blocks that fit the memory as float64."""
    size = max(1, _BLOCK // logits_NV.shape[1])
    for start in range(0, len(logits_NV), size):
        yield logits_NV[start : start + size], select(signal, slice(start, start + size))


def _kl(logp: Array, logq: Array) -> Array:
    """p ln(p/q), 0 where p is 0, infinite where only q is."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(logp), 0.0, np.exp(logp) * (logp - logq))


def _plogp(logp: Array) -> Array:
    return np.where(np.isneginf(logp), 0.0, np.exp(logp) * np.where(np.isneginf(logp), 0.0, logp))


def _log(mass: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(mass))
