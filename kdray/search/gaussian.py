"""Gaussian-process regression for a few hundred points, in numpy.

Kernel: Matern 5/2 with one weight a dimension, an amplitude, and noise; a point may bring noise of its own.
Weights, amplitude and noise are the maximum of the marginal likelihood under weak priors (Rasmussen & Williams
2006, ch. 5), climbed with Rprop on the exact gradient: no line search, and a few steps suffice when the last
answer is the start.

Shape suffixes: N points, F features, D dimensions (a dimension owns one feature or more), C candidates.
Not here: sparse approximations. A fit costs N^3; callers keep N in the hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PRIOR_WEIGHT = (0.0, 1.5)
"""Mean and deviation of a log weight: at 0 the correlation falls to a half across 0.6 of a dimension's range."""
PRIOR_NOISE = (np.log(1e-2), 2.0)
JITTER = 1e-6
BOUNDS = (-8.0, 6.0)


@dataclass
class Hyper:
    """Log weights, log amplitude and log noise [D + 2], and the step sizes with which they were last climbed."""

    theta: Floats
    steps: Floats
    fitted: bool = field(default=False)

    @classmethod
    def start(cls, num_dims: int) -> Hyper:
        """Before any data."""
        theta = np.concatenate([np.full(num_dims, PRIOR_WEIGHT[0]), [0.0, PRIOR_NOISE[0]]])
        return cls(theta, np.full(num_dims + 2, 0.2))


def fit(
    x_NF: Floats, y_N: Floats, extra_N: Floats, groups_F: NDArray[np.int64], hyper: Hyper, steps: int
) -> Hyper:
    """Climbs the posterior of the hyperparameters.

    Args:
        x_NF: features.
        y_N: standardised values.
        extra_N: variance of each point beyond the common noise.
        groups_F: the dimension of each feature.
        hyper: where to start.
        steps: gradients to take; five times as many the first time.

    Returns:
        The best that was met.
    """
    num_dims = len(hyper.theta) - 2
    squares_DNN = _squares(x_NF, groups_F, num_dims)
    theta, sizes = hyper.theta.copy(), np.clip(hyper.steps, 0.02, 0.3)
    before, best, best_loss = np.zeros_like(theta), theta, np.inf
    for _ in range(steps if hyper.fitted else 5 * steps):
        loss_and_gradient = _loss(theta, squares_DNN, y_N, extra_N)
        if loss_and_gradient is None:  # not positive definite in floating point: more noise
            theta[-1] += 1.0
            continue
        loss, gradient = loss_and_gradient
        if loss < best_loss:
            best, best_loss = theta.copy(), loss
        sign = np.sign(gradient)
        turned = sign * before < 0
        sizes = np.where(
            turned, sizes * 0.5, np.where(sign * before > 0, np.minimum(sizes * 1.3, 1.0), sizes)
        )
        before = np.where(turned, 0.0, sign)
        theta = np.clip(theta - sizes * before, *BOUNDS)
    return Hyper(best, sizes, fitted=True)


def _squares(x_NF: Floats, groups_F: NDArray[np.int64], num_dims: int) -> Floats:
    """Squared distances per dimension, float [D, N, N]."""
    squares_DNN = np.zeros((num_dims, len(x_NF), len(x_NF)))
    for f, d in enumerate(groups_F):
        squares_DNN[d] += (x_NF[:, f][:, None] - x_NF[:, f][None]) ** 2
    return squares_DNN


def _loss(theta: Floats, squares_DNN: Floats, y_N: Floats, extra_N: Floats) -> tuple[float, Floats] | None:
    """Negative log posterior and its gradient in theta."""
    num_dims = len(squares_DNN)
    weights_D, amplitude, noise = np.exp(theta[:num_dims]), np.exp(theta[-2]), np.exp(theta[-1])
    root_NN = np.sqrt(5.0 * np.tensordot(weights_D, squares_DNN, 1) + 1e-12)
    decay_NN = np.exp(-root_NN)
    shape_NN = (1.0 + root_NN + root_NN**2 / 3.0) * decay_NN
    try:
        lower_NN = np.linalg.cholesky(amplitude * shape_NN + np.diag(noise + JITTER + extra_N))
    except np.linalg.LinAlgError:
        return None
    half_NN = np.linalg.inv(lower_NN)
    inverse_NN = half_NN.T @ half_NN
    solved_N = inverse_NN @ y_N
    loss = 0.5 * float(y_N @ solved_N) + float(np.log(np.diag(lower_NN)).sum())
    # d loss / d K, and d K / d (squared distance).
    outer_NN = inverse_NN - np.outer(solved_N, solved_N)
    slope_NN = -amplitude * (5.0 / 6.0) * (1.0 + root_NN) * decay_NN
    gradient = np.empty_like(theta)
    gradient[:num_dims] = 0.5 * np.tensordot(squares_DNN, outer_NN * slope_NN, 2) * weights_D
    gradient[-2] = 0.5 * float((outer_NN * shape_NN).sum()) * amplitude
    gradient[-1] = 0.5 * float(np.trace(outer_NN)) * noise
    centre, spread = np.zeros_like(theta), np.ones_like(theta)
    centre[:num_dims], spread[:num_dims] = PRIOR_WEIGHT
    centre[-1], spread[-1] = PRIOR_NOISE
    away = (theta - centre) / spread
    return loss + 0.5 * float(away @ away), gradient + away / spread


class Process:
    """A Gaussian process that has seen its points.

    Args:
        x_NF: features.
        y_N: values.
        extra_N: variance of each point beyond the common noise.
        groups_F: the dimension of each feature.
        hyper: from `fit`.
    """

    def __init__(
        self, x_NF: Floats, y_N: Floats, extra_N: Floats, groups_F: NDArray[np.int64], hyper: Hyper
    ) -> None:
        self._scale_F = np.sqrt(np.exp(hyper.theta[:-2]))[groups_F]
        self._amplitude = float(np.exp(hyper.theta[-2]))
        self._x_NF = x_NF * self._scale_F
        noise_N = np.exp(hyper.theta[-1]) + JITTER + extra_N
        lower_NN = np.linalg.cholesky(self._kernel(self._x_NF) + np.diag(noise_N))
        self._half_NN = np.linalg.inv(lower_NN)
        self._solved_N = self._half_NN.T @ (self._half_NN @ y_N)

    def _kernel(self, x_CF: Floats) -> Floats:
        """float [C, N] covariance with the points seen; `x_CF` is scaled."""
        squares_CN = (x_CF**2).sum(1)[:, None] + (self._x_NF**2).sum(1)[None] - 2.0 * x_CF @ self._x_NF.T
        root_CN = np.sqrt(5.0 * np.maximum(squares_CN, 0.0))
        return np.asarray(self._amplitude * (1.0 + root_CN + root_CN**2 / 3.0) * np.exp(-root_CN))

    def predict(self, x_CF: Floats) -> tuple[Floats, Floats]:
        """Mean [C] and standard deviation [C] of the noiseless value at each row of features."""
        cross_CN = self._kernel(x_CF * self._scale_F)
        explained_C = ((self._half_NN @ cross_CN.T) ** 2).sum(0)
        return cross_CN @ self._solved_N, np.sqrt(np.maximum(self._amplitude - explained_C, 1e-9))
