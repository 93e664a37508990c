"""How much a point is expected to add to a front, when all that is known of it is a normal distribution per
objective.

All objectives are losses. Shape suffixes: C candidates, M objectives, P points of the front, sorted by the first
loss.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ERFC = np.frompyfunc(math.erfc, 1, 1)
NUM_SAMPLES = 128


def expected_gain(bound: float | Floats, mean: Floats, deviation: Floats) -> Floats:
    """E[max(0, bound - Y)] for Y normal; shapes broadcast."""
    z = (bound - mean) / deviation
    below = 0.5 * np.asarray(_ERFC(-z / math.sqrt(2.0)), np.float64)
    return np.asarray((bound - mean) * below + deviation * np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi))


def expected_hypervolume_gain(
    front_P2: Floats, reference_2: Floats, mean_C2: Floats, deviation_C2: Floats
) -> Floats:
    """E[growth of the hypervolume] of each candidate, exact for two objectives: float [C].

    The dominated area is a row of strips between neighbouring first losses; in a strip, a point adds its depth
    in the second loss below the strip's ceiling, over the part of the strip that is right of its first loss.
    Both are independent, so the expectation is a sum of products (Yang et al. 2019,
    doi:10.1007/s10898-019-00798-7, in another arrangement).
    """
    front_P2 = front_P2[(front_P2 < reference_2).all(axis=1)]
    edges = np.append(front_P2[:, 0], reference_2[0])
    ceilings = np.append(reference_2[1], front_P2[:, 1])
    right_CP = expected_gain(edges[None], mean_C2[:, :1], deviation_C2[:, :1])
    widths_CP = np.diff(right_CP, axis=1, prepend=0.0)
    depths_CP = expected_gain(ceilings[None], mean_C2[:, 1:], deviation_C2[:, 1:])
    return np.asarray((widths_CP * depths_CP).sum(axis=1))


def expected_scalar_gain(
    losses_PM: Floats, reference_M: Floats, mean_CM: Floats, deviation_CM: Floats, rng: np.random.Generator
) -> Floats:
    """The same for any number of objectives along one random direction: float [C].

    The hypervolume is the mean over directions w of min_j ((reference_j - y_j) / w_j)^M, up to a constant (Zhang
    & Golovin 2020, arXiv:2006.04655); the expected gain along a direction is a mean over samples.
    """
    num_objectives = len(reference_M)
    direction_M = np.abs(rng.standard_normal(num_objectives)) + 1e-9
    direction_M /= np.linalg.norm(direction_M)

    def depth(losses: Floats) -> Floats:
        inside = np.maximum(reference_M - losses, 0.0) / direction_M
        return np.asarray(inside.min(axis=-1) ** num_objectives)

    best = float(depth(losses_PM).max()) if len(losses_PM) else 0.0
    noise_SCM = rng.standard_normal((NUM_SAMPLES, *mean_CM.shape))
    return np.asarray(np.maximum(depth(mean_CM + deviation_CM * noise_SCM) - best, 0.0).mean(axis=0))
