"""Proposes points by a model of the objectives: a Gaussian process each, and the point that is expected to add
most to the front.

- Trials that were stopped early are data too: `extrapolation` carries their last report to the last rung, with its
  variance.
- What a trial measured is off by luck, of the cases that it answered: where its variance is known, the model takes
  it as such and does not run after it. (Trials of a sweep answer the same cases: what is easy for all moves all,
  and is counted as luck although it misleads nobody.) The front is that of the means that the model believes in.
- Trials that still run are imagined to come out as predicted, so that workers asked at once spread out.
- Failed trials count as the worst that was seen: what breaks is not worth a second look.
- Objectives are compared by their normal scores mixed with their values, so that neither a heavy tail nor the
  choice of a unit (seconds, log-seconds) decides what the front looks like.

Shape suffixes: T trials seen, M objectives, D dimensions, F features, C candidates.
Not here: what may be trained at all; the caller says so for one point after the other, best first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kdray import pareto
from kdray.search.coordinates import Coordinates, Rows
from kdray.search.extrapolation import project
from kdray.search.gaussian import Hyper, Process, fit
from kdray.search.improvement import expected_gain, expected_hypervolume_gain, expected_scalar_gain
from kdray.search.model import Heard, Listener
from kdray.search.space import Point, Space

Floats = NDArray[np.float64]

NUM_START = 8
"""Trials before the model is asked; until then points lie far from each other."""
NUM_SEEN = 300
"""Trials that the model looks at: the front, then the newest. A fit costs their cube."""
NUM_DRAWN, NUM_VARIED, NUM_CLIMBED, CLIMBS = 256, 384, 128, 3
FIT_STEPS, REFIT = 15, 1.05
"""Gradients of a fit, and by how much the trials grow in number until the next: the more there are, the less one
of them changes.
"""
MIX = 0.5
"""Share of the normal scores in what the model sees of an objective."""
NEAR = 0.01
"""Candidates nearer than this to a trial (in a space whose dimensions are 1 wide) would tell nothing new."""
REFUSALS = 200
"""Candidates that the caller may refuse before the model gives up."""


class Surrogate(Listener):
    """Remembers trials and proposes points.

    Args:
        space: where points come from.
        signs: +1 for each objective to minimise, -1 for each to maximise.
        rungs: where trials report, rising.
        seed: of everything random.
    """

    def __init__(self, space: Space, signs: Sequence[int], rungs: Sequence[int], seed: int) -> None:
        super().__init__()
        self._coordinates = Coordinates(space)
        self._signs_M = np.array(signs, np.float64)
        self._rungs = tuple(rungs)
        self._rng = np.random.default_rng(seed)
        self._rows_D: dict[int, Floats] = {}
        num_dims = len(space.dimensions)
        self._num_fitted = 0
        self._hypers = [Hyper.start(num_dims) for _ in signs]

    def begin(self, number: int, point: Point) -> None:
        """A trial begins (or began in an earlier run)."""
        super().begin(number, point)
        self._rows_D[number] = self._coordinates.row(point)

    def report(
        self, number: int, step: int, values: Sequence[float], variances: Sequence[float] | None = None
    ) -> None:
        """A trial reports at a rung; what is kept are losses."""
        super().report(number, step, [float(v) for v in np.array(values) * self._signs_M], variances)

    def ask(self, fits: Callable[[Point], bool]) -> Point | None:
        """The best point that `fits`; None where none of the candidates does."""
        rows_CD, gains_C = self._candidates()
        for c in np.argsort(-gains_C, kind="stable")[:REFUSALS]:
            point = self._coordinates.point(rows_CD[c])
            if fits(point):
                return point
        return None

    def _candidates(self) -> tuple[Rows, Floats]:
        """Candidates [C, D] and how good each is [C]."""
        told = [heard for heard in self._heard.values() if heard.reports and not heard.failed]
        if len(told) < NUM_START:
            rows_CD = self._new(self._coordinates.draw(self._rng, NUM_DRAWN))
            return rows_CD, self._farness(rows_CD)
        model = self._model(told)
        drawn_CD = self._coordinates.draw(self._rng, NUM_DRAWN)
        varied_CD = self._coordinates.vary(self._rng, model.best_PD, NUM_VARIED)
        rows_CD = self._new(np.concatenate([drawn_CD, varied_CD]))
        gains_C = model.gain(self._coordinates.features(rows_CD), self._rng)
        for _ in range(CLIMBS):
            if not len(rows_CD):
                break
            best_CD = rows_CD[np.argsort(-gains_C)[:8]]
            more_CD = self._new(self._coordinates.vary(self._rng, best_CD, NUM_CLIMBED))
            rows_CD = np.concatenate([rows_CD, more_CD])
            gains_C = np.append(gains_C, model.gain(self._coordinates.features(more_CD), self._rng))
        return rows_CD, gains_C

    def _new(self, rows_CD: Rows) -> Rows:
        """The different rows among these that are no nearer than `NEAR` to any trial."""
        different_CD = np.unique(rows_CD, axis=0)
        return different_CD[self._farness(different_CD) >= NEAR]

    def _farness(self, rows_CD: Rows) -> Floats:
        """The distance of each row to the nearest trial."""
        if not self._heard:
            return np.ones(len(rows_CD))
        x_CF = self._coordinates.features(rows_CD)
        seen_TF = self._coordinates.features(np.stack(list(self._rows_D.values())))
        squares_CT = (x_CF**2).sum(1)[:, None] + (seen_TF**2).sum(1)[None] - 2.0 * x_CF @ seen_TF.T
        return np.asarray(np.sqrt(np.maximum(squares_CT.min(axis=1), 0.0)))

    def _model(self, told: Sequence[Heard]) -> _Model:
        values_TM, variances_TM = project([heard.reports for heard in told], self._rungs)
        for t, heard in enumerate(told):
            # What was carried to the last rung misses it by its luck too, so that is in its variance already.
            if self._rungs[-1] in heard.reports and self._rungs[-1] in heard.variances:
                variances_TM[t] = heard.variances[self._rungs[-1]]
        failed = [heard for heard in self._heard.values() if heard.failed]
        if failed:  # as bad as the worst
            values_TM = np.concatenate([values_TM, np.repeat(values_TM.max(0)[None], len(failed), 0)])
            variances_TM = np.concatenate([variances_TM, np.zeros((len(failed), values_TM.shape[1]))])
        keep = _newest_and_best(values_TM, NUM_SEEN)
        trials = [[*told, *failed][t] for t in keep]
        scores_TM, variances_TM = standardise(values_TM[keep], variances_TM[keep])
        x_TF = self._features(trials)
        groups_F = self._coordinates.groups_F
        if len(told) >= REFIT * self._num_fitted:
            self._num_fitted = len(told)
            for m, hyper in enumerate(self._hypers):
                self._hypers[m] = fit(x_TF, scores_TM[:, m], variances_TM[:, m], groups_F, hyper, FIT_STEPS)
        processes = self._processes(x_TF, scores_TM, variances_TM)
        means_TM = _means(processes, x_TF)
        unheard = [heard for heard in self._heard.values() if not heard.ended and not heard.reports]
        if unheard:  # they come out as predicted
            imagined_RM = _means(processes, self._features(unheard))
            trials += unheard
            scores_TM = np.concatenate([scores_TM, imagined_RM])
            variances_TM = np.concatenate([variances_TM, np.zeros_like(imagined_RM)])
            processes = self._processes(self._features(trials), scores_TM, variances_TM)
            means_TM = np.concatenate([means_TM, imagined_RM])
        # A trial that was stopped is on no front, however well it might have come out.
        counts_T = np.array([not heard.ended or self._rungs[-1] in heard.reports for heard in trials])
        counts_T = counts_T if counts_T.any() else np.ones_like(counts_T)
        return _Model(processes, means_TM, self._rows(trials), counts_T)

    def _rows(self, trials: Sequence[Heard]) -> Rows:
        return np.stack([self._rows_D[heard.number] for heard in trials])

    def _features(self, trials: Sequence[Heard]) -> Floats:
        return self._coordinates.features(self._rows(trials))

    def _processes(self, x_TF: Floats, scores_TM: Floats, variances_TM: Floats) -> list[Process]:
        return [
            Process(x_TF, scores_TM[:, m], variances_TM[:, m], self._coordinates.groups_F, hyper)
            for m, hyper in enumerate(self._hypers)
        ]


def _means(processes: Sequence[Process], x_TF: Floats) -> Floats:
    return np.stack([process.predict(x_TF)[0] for process in processes], axis=1)


class _Model:
    """Processes that have seen everything, and the front of the means of those trials that count."""

    def __init__(
        self,
        processes: Sequence[Process],
        means_TM: Floats,
        rows_TD: Rows,
        counts_T: NDArray[np.bool_],
    ) -> None:
        counted_TM = means_TM[counts_T]
        front = pareto.non_dominated(counted_TM, ["min"] * means_TM.shape[1])
        self._processes = processes
        self._front_PM = np.unique(counted_TM[front], axis=0)
        self._reference_M = means_TM.max(axis=0) + 0.1
        self.best_PD = rows_TD[counts_T][front][np.lexsort(counted_TM[front].T[::-1])]

    def gain(self, x_CF: Floats, rng: np.random.Generator) -> Floats:
        """How much each row of features is expected to add to the front."""
        predicted = [process.predict(x_CF) for process in self._processes]
        mean_CM = np.stack([mean for mean, _ in predicted], axis=1)
        deviation_CM = np.stack([deviation for _, deviation in predicted], axis=1)
        if mean_CM.shape[1] == 1:
            return expected_gain(float(self._front_PM.min()), mean_CM[:, 0], deviation_CM[:, 0])
        if mean_CM.shape[1] == 2:
            return expected_hypervolume_gain(self._front_PM, self._reference_M, mean_CM, deviation_CM)
        return expected_scalar_gain(self._front_PM, self._reference_M, mean_CM, deviation_CM, rng)


def _newest_and_best(values_TM: Floats, count: int) -> NDArray[np.int64]:
    """Indices of at most `count` trials: by front, the newest first within the rest."""
    if len(values_TM) <= count:
        return np.arange(len(values_TM))
    front = pareto.non_dominated(values_TM, ["min"] * values_TM.shape[1])
    order = np.lexsort((-np.arange(len(values_TM)), ~front))
    return np.sort(order[:count])


def standardise(values_TM: Floats, variances_TM: Floats) -> tuple[Floats, Floats]:
    """Scores with mean 0 and deviation 1, half normal scores and half values, and their variances; both [T, M]."""
    scores_TM = np.empty_like(values_TM)
    scaled_TM = np.empty_like(values_TM)
    for m in range(values_TM.shape[1]):
        y_T = values_TM[:, m]
        deviation = float(y_T.std()) or 1.0
        mixed_T = (1 - MIX) * (y_T - y_T.mean()) / deviation + MIX * normal_scores(y_T)
        spread = float(mixed_T.std()) or 1.0
        scores_TM[:, m] = (mixed_T - mixed_T.mean()) / spread
        scaled_TM[:, m] = variances_TM[:, m] / (deviation * spread) ** 2
    return scores_TM, scaled_TM


def normal_scores(y_T: Floats) -> Floats:
    """The standard normal quantile of each value's rank; equal values share theirs."""
    from statistics import NormalDist

    _, inverse, counts = np.unique(y_T, return_inverse=True, return_counts=True)
    shares = (np.cumsum(counts) - counts / 2) / len(y_T)
    quantiles = np.array([NormalDist().inv_cdf(share) for share in shares])
    return np.asarray(quantiles[inverse])
