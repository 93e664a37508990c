"""Divergences between a teacher and its store, against a dense second implementation."""

import numpy as np
import pytest
import torch

from kdray.teacher import fidelity
from kdray.teacher.signal import TailSpread, TeacherSignal

N, V, K = 30, 50, 6


def log_softmax(logits_NV: np.ndarray) -> np.ndarray:
    return torch.log_softmax(torch.from_numpy(logits_NV.astype(np.float64)), -1).numpy()


def softmax(logits_NV: np.ndarray) -> np.ndarray:
    return np.exp(log_softmax(logits_NV))


def rel_entr(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return torch.special.xlogy(*map(torch.from_numpy, (p, p / q))).numpy()


def _exact(logits_NV: np.ndarray, kept: int, spread: TailSpread | None = None) -> TeacherSignal:
    logp_NV = log_softmax(logits_NV)
    ids_NK = np.argsort(-logp_NV, 1)[:, :kept]
    logprobs_NK = np.take_along_axis(logp_NV, ids_NK, 1)
    rest_NV = logp_NV.copy()
    np.put_along_axis(rest_NV, ids_NK, -np.inf, 1)
    with np.errstate(divide="ignore"):
        tail_N = np.log(np.exp(rest_NV).sum(1)).astype(np.float32)
        nodes_NG = np.log(np.exp(rest_NV * 0.5).sum(1, keepdims=True)).astype(np.float32)
    return TeacherSignal(ids_NK, logprobs_NK.astype(np.float32), tail_N, nodes_NG, (0.5,), V, spread)


@pytest.fixture
def logits_NV() -> np.ndarray:
    return (2 * np.random.default_rng(0).standard_normal((N, V))).astype(np.float32)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_bucketed_kl_of_an_exact_signal_is_nothing(logits_NV: np.ndarray, temperature: float) -> None:
    assert np.abs(fidelity.bucketed_kl(logits_NV, _exact(logits_NV, K), temperature)).max() < 1e-6


def test_divergences_are_those_of_the_dense_distributions(logits_NV: np.ndarray) -> None:
    signal, other_NV = _exact(logits_NV, K), logits_NV[::-1].copy()
    p, q = softmax(other_NV), np.exp(fidelity.dense(signal, 1.0))
    np.testing.assert_allclose(q.sum(1), 1)
    np.testing.assert_allclose(fidelity.full_kl(other_NV, signal, 1.0), rel_entr(p, q).sum(1), rtol=1e-6)
    head_p, head_q = (np.take_along_axis(x, signal.ids_NK, 1) for x in (p, q))
    tail = rel_entr(1 - head_p.sum(1), 1 - head_q.sum(1))
    expected = rel_entr(head_p, head_q).sum(1) + tail
    np.testing.assert_allclose(fidelity.bucketed_kl(other_NV, signal, 1.0), expected, rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_a_tail_with_its_true_spread_makes_the_dense_distribution_exact(
    logits_NV: np.ndarray, temperature: float
) -> None:
    spread = TailSpread(np.eye(N, dtype=np.float32), logits_NV)
    signal = _exact(logits_NV, K, spread)
    expected = log_softmax(logits_NV.astype(np.float64) / temperature)
    np.testing.assert_allclose(fidelity.dense(signal, temperature), expected, atol=1e-5)


def test_a_whole_vocabulary_has_no_tail(logits_NV: np.ndarray) -> None:
    signal = _exact(logits_NV, V)
    np.testing.assert_allclose(fidelity.full_kl(logits_NV, signal, 3.0), 0, atol=1e-6)
    p = softmax(logits_NV)
    np.testing.assert_allclose(fidelity.entropy(signal, 1.0), -(p * np.log(p)).sum(1), rtol=1e-5)
