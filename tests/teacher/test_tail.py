"""The tail's weight between the stored nodes."""

import numpy as np
import pytest

from kdray.teacher.signal import TeacherSignal
from kdray.teacher.tail import spline_weights, tail_at

GRID = (0.125, 0.25, 0.5, 2.0)


def _signal(logprobs_NV: np.ndarray, kept: int, grid: tuple[float, ...] = GRID) -> TeacherSignal:
    order_NV = np.argsort(-logprobs_NV, axis=1)
    sorted_NV = np.take_along_axis(logprobs_NV, order_NV, 1)
    tail_NR = sorted_NV[:, kept:]
    nodes = [np.log(np.exp(a * tail_NR).sum(1)) for a in grid]
    return TeacherSignal(
        ids_NK=order_NV[:, :kept],
        logprobs_NK=sorted_NV[:, :kept].astype(np.float32),
        tail_N=np.log(np.exp(tail_NR).sum(1)).astype(np.float32),
        tail_lse_NG=np.array(nodes, np.float32).reshape(len(grid), len(logprobs_NV)).T,
        grid=grid,
        vocab=logprobs_NV.shape[1],
    )


def _teacher(positions: int, vocab: int, seed: int = 0) -> np.ndarray:
    """Logits with a heavy head and a broad tail, like a language model's."""
    logits_NV = 2.5 * np.random.default_rng(seed).standard_normal((positions, vocab))
    logits_NV -= logits_NV.max(1, keepdims=True)
    return logits_NV - np.log(np.exp(logits_NV).sum(1, keepdims=True))


@pytest.mark.parametrize("temperature", [0.5, 0.6, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0])
def test_the_tail_at_any_temperature_is_that_of_the_dense_teacher_to_interpolation_error(
    temperature: float,
) -> None:
    logprobs_NV, kept = _teacher(50, 2000), 12
    sorted_NV = -np.sort(-logprobs_NV, axis=1)
    exact_N = np.log(np.exp(sorted_NV[:, kept:] / temperature).sum(1))
    assert np.abs(tail_at(_signal(logprobs_NV, kept), temperature) - exact_N).mean() < 0.05


def test_at_the_nodes_the_stored_values_come_back() -> None:
    signal = _signal(_teacher(20, 300), 5)
    for node, temperature in enumerate([8.0, 4.0, 2.0, 0.5]):
        np.testing.assert_allclose(tail_at(signal, temperature), signal.tail_lse_NG[:, node], rtol=1e-5)


def test_without_nodes_the_tail_is_taken_as_uniform() -> None:
    signal = _signal(_teacher(20, 300), 5, grid=())
    expected = 0.5 * np.log(295) + 0.5 * signal.tail_N
    np.testing.assert_allclose(tail_at(signal, 2.0), expected, rtol=1e-5)


def test_a_position_without_a_tail_has_none_at_any_temperature() -> None:
    logprobs_NV = _teacher(3, 8).astype(np.float32)
    empty = np.full(3, -np.inf, np.float32)
    signal = TeacherSignal(
        np.argsort(-logprobs_NV, 1), logprobs_NV, empty, np.empty((3, 0), np.float32), (), 8
    )
    assert np.isneginf(tail_at(signal, 3.0)).all()


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_a_spline_reproduces_a_polynomial_of_its_degree(count: int) -> None:
    nodes = np.array([0.0, 1.0, 0.125, 2.0, 0.5, 0.25])[:count]
    degree = min(count - 1, 3)
    for at in (0.05, 0.3, 0.7, 0.99):
        weights = np.array(spline_weights(tuple(nodes), at))
        assert weights @ (nodes - 0.4) ** degree == pytest.approx((at - 0.4) ** degree, abs=1e-9)
