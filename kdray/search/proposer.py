"""Proposes the next point: an Optuna sampler looks at a mirror of the study in memory, and what it says is
refused until it fits.

Why a mirror and not the study itself:
- a refused point (over a constraint, or a duplicate) leaves no trace in the user's study;
- a trial enters the study in one write, whole, so that a kill between two writes cannot leave half of one;
- an ask costs no file access;
- samplers see what they can bear: Optuna's TPE raises for a pruned trial of several objectives that has
  intermediate values.

Refusing works by asking again. Measured on ten tabulated problems (see the benchmarks), asking again instead
of running a duplicate is worth about one point of hypervolume share at 100 trials.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from kdray.errors import ConfigError
from kdray.search.model import Model
from kdray.search.space import Dimension, Point, Space, decode, identity

DRAWN = 2000
"""How many points are drawn blindly before a finite space is walked through (or an infinite one is given up).
"""
WALKED = 1_000_000


@dataclass(frozen=True)
class Proposal:
    """A point to train, and what the sampler wants to remember about it."""

    point: Point
    system_attrs: Mapping[str, Any]
    mirror_id: int


class Proposer:
    """Keeps the mirror and proposes points that were not tried before.

    Args:
        space: where points come from.
        directions: of the objectives, in order.
        sampler: proposes; never sees the real study.
        refusal: why a point may not be trained, "" where it may.
        seed: of the points that are drawn blindly.
        asks: how often the sampler is asked for one point before points are drawn blindly.
        grid: walk through the space in order instead of sampling.
        model: proposes in the sampler's place; it hears of every rung as well.

    Attributes:
        exhausted: whether every point that may be trained was tried.

    Raises:
        ConfigError: `grid` in a space with infinitely many points.
    """

    def __init__(
        self,
        space: Space,
        directions: Sequence[StudyDirection],
        sampler: BaseSampler,
        refusal: Callable[[Point], str],
        *,
        seed: int,
        asks: int = 16,
        grid: bool = False,
        model: Model | None = None,
    ) -> None:
        self._space = space
        self._sampler = sampler
        self._refusal = refusal
        self._random = random.Random(seed)  # noqa: S311 - not for secrets
        self._asks = asks
        self._grid = grid
        self._model = model
        self.exhausted = False
        self._tried: set[str] = set()
        self._storage = optuna.storages.InMemoryStorage()
        self._study_id = self._storage.create_new_study(list(directions), "mirror")
        if grid and space.points() is None:
            endless = [d.path for d in space.dimensions if d.values() is None]
            raise ConfigError(
                f"search.sampler grid: {', '.join(endless)} has infinitely many values: give it a step"
            )

    def add(self, trial: FrozenTrial) -> int:
        """Mirrors a trial of the real study and returns the mirror's id; one that waits or runs is seen as
        running.
        """
        self._tried.add(identity(self._space.point(trial.params)))
        state = trial.state if trial.state.is_finished() else TrialState.RUNNING
        copy = create_trial(
            state=state,
            values=trial.values if state == TrialState.COMPLETE else None,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs=trial.system_attrs,
        )
        mirror_id = int(self._storage.create_new_trial(self._study_id, template_trial=copy))
        if self._model is not None:
            self._model.begin(mirror_id, self._space.point(trial.params))
            if state.is_finished():
                self._model.end(mirror_id, failed=state == TrialState.FAIL)
        return mirror_id

    def report(
        self, mirror_id: int, step: int, values: Sequence[float], variances: Sequence[float] | None = None
    ) -> None:
        """The objectives of a mirrored trial at a rung, with their variances where they are known."""
        if self._model is not None:
            self._model.report(mirror_id, step, values, variances)

    def tell(self, mirror_id: int, state: TrialState, values: Sequence[float] | None = None) -> None:
        """The end of a mirrored trial; `values` for a complete one."""
        study = self._study()
        trial = self._storage.get_trial(mirror_id)
        self._sampler.after_trial(study, trial, state, values)
        self._storage.set_trial_state_values(mirror_id, state, values)
        if self._model is not None:
            self._model.end(mirror_id, failed=state == TrialState.FAIL)

    @property
    def waits(self) -> bool:
        """Whether the model wants trials that run to end before it proposes another."""
        return self._model is not None and self._model.waits

    def propose(self, fixed: Point | None = None) -> Proposal | None:
        """The next point; None where every point that may be trained was tried.

        Args:
            fixed: values that are taken as they are (a start point), whether tried before or not.

        Raises:
            ConfigError: nothing that the constraints allow was found.
        """
        mirror_id = self._storage.create_new_trial(self._study_id)
        point = self._ask(mirror_id, fixed)
        if point is None:
            if fixed is not None:
                raise ConfigError(f"no point with {fixed} may be trained")
            point = self._draw()
        if point is None:
            self._storage.set_trial_state_values(mirror_id, TrialState.FAIL)
            self.exhausted = True
            return None
        params, distributions = self._space.params(point)
        for path, distribution in distributions.items():
            internal = distribution.to_internal_repr(params[path])
            self._storage.set_trial_param(mirror_id, path, internal, distribution)
        self._tried.add(identity(point))
        if self._model is not None:
            self._model.begin(mirror_id, point)
        attrs = self._storage.get_trial(mirror_id).system_attrs
        kept = {name: value for name, value in attrs.items() if not name.startswith("tpe:")}
        return Proposal(point, kept, mirror_id)

    def _study(self) -> optuna.Study:
        # A new Study object sees the trials as they are now; an old one keeps a list of its own.
        return optuna.load_study(study_name="mirror", storage=self._storage, sampler=self._sampler)

    def _ask(self, mirror_id: int, fixed: Point | None) -> Point | None:
        """The sampler's word, asked again while it is refused; None where it never fits."""
        if self._grid and fixed is None:
            return None
        if self._model is not None and fixed is None:
            return self._model.ask(self._fits)
        study, trial = self._study(), self._storage.get_trial(mirror_id)
        self._sampler.before_trial(study, trial)
        relative_space = self._sampler.infer_relative_search_space(study, trial)
        for _ in range(self._asks):
            relative = self._sampler.sample_relative(study, trial, relative_space)

            def choose(dimension: Dimension, relative: Mapping[str, Any] = relative) -> Any:
                if fixed and dimension.path in fixed:
                    return fixed[dimension.path]
                if dimension.path in relative:
                    return decode(relative[dimension.path])
                return decode(
                    self._sampler.sample_independent(study, trial, dimension.path, dimension.distribution)
                )

            point = self._space.fill(choose)
            if not self._refusal(point) if fixed is not None else self._fits(point):
                return point
        return None

    def _fits(self, point: Point) -> bool:
        return identity(point) not in self._tried and not self._refusal(point)

    def _draw(self) -> Point | None:
        """An untried point, blindly: at random, then the first that is left of a finite space."""
        refused = ""
        for _ in range(0 if self._grid else DRAWN):
            point = self._space.fill(lambda dimension: dimension.draw(self._random))
            if identity(point) not in self._tried:
                refused = self._refusal(point)
                if not refused:
                    return point
        points = self._space.points()
        left = [] if points is None else itertools.islice(points, WALKED)
        for point in left:
            if identity(point) not in self._tried:
                refused = self._refusal(point)
                if not refused:
                    return point
        if refused and (points is None or not self._tried):
            raise ConfigError(f"no point of the space may be trained; the last one: {refused}")
        return None
