"""The tail's weight at any temperature, from its logarithm at a few.

ln R_a is smooth and convex in a = 1/T; R_0 (the number of tail tokens) and R_1 (the tail's mass) come free. A
cubic spline through these two and the stored nodes gives R_a between. The nodes are the same for all
positions and a spline is linear in its values, so one vector of weights serves a whole batch.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kdray.teacher.signal import TeacherSignal


def tail_at(signal: TeacherSignal, temperature: float) -> NDArray[np.float32]:
    """ln R_a at a = 1 / temperature for each position.

    Returns:
        float32 [N]; -inf where there is no tail. Without nodes it is n^(1-a) M^a, the R_a of a uniform tail.
    """
    if temperature == 1:
        return signal.tail_N
    kept_N = np.isfinite(signal.logprobs_NK).sum(1)
    has_tail_N = np.isfinite(signal.tail_N) & (kept_N < signal.vocab)
    nodes = (0.0, 1.0, *signal.grid)
    size_N = np.log(np.maximum(signal.vocab - kept_N, 1))
    values_NG = np.column_stack([size_N, signal.tail_N, signal.tail_lse_NG])
    weights_G = np.array(spline_weights(nodes, 1 / temperature))
    at_N = np.where(has_tail_N[:, None], values_NG, 0.0) @ weights_G
    return np.where(has_tail_N, at_N, -np.inf).astype(np.float32)


@lru_cache(maxsize=256)
def spline_weights(nodes: tuple[float, ...], at: float) -> tuple[float, ...]:
    """w with spline(at) = sum of w_i * value_i: a cubic spline through the nodes, not-a-knot ends.

    Args:
        nodes: different numbers in any order; two make a line, three a parabola.
        at: where the spline is wanted.
    """
    order = np.argsort(nodes)
    x = np.asarray(nodes, np.float64)[order]
    count = len(x)
    weights = np.empty(count)
    if count < 4:
        weights[order] = [
            np.prod([(at - x[j]) / (x[i] - x[j]) for j in range(count) if j != i]) for i in range(count)
        ]
        return tuple(weights)
    h = np.diff(x)
    # Second derivatives m solve left @ m = right @ values: continuous slope inside, one cubic over two end
    # intervals.
    left, right = np.zeros((count, count)), np.zeros((count, count))
    for i in range(1, count - 1):
        left[i, i - 1 : i + 2] = h[i - 1], 2 * (h[i - 1] + h[i]), h[i]
        right[i, i - 1 : i + 2] = 6 / h[i - 1], -6 / h[i - 1] - 6 / h[i], 6 / h[i]
    left[0, :3] = h[1], -h[0] - h[1], h[0]
    left[-1, -3:] = h[-1], -h[-2] - h[-1], h[-2]
    curvature = np.linalg.solve(left, right)
    i = int(np.clip(np.searchsorted(x, at) - 1, 0, count - 2))
    b, c = (at - x[i]) / h[i], (x[i + 1] - at) / h[i]
    sorted_weights = ((c**3 - c) * curvature[i] + (b**3 - b) * curvature[i + 1]) * h[i] ** 2 / 6
    sorted_weights[i] += c
    sorted_weights[i + 1] += b
    weights[order] = sorted_weights
    return tuple(weights)
