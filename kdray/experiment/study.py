"""The study: Optuna's storage as the one truth about a sweep.

A trial enters in one write, whole, as RUNNING; each rung is an attribute; the end is one write. What Tune
knows is thrown away: a sweep that is started again reads the study, puts the trials that were running back in
the queue, and begins a new Tune run for what is missing. That replaces Ray's `Tuner.restore` (measured: after
a SIGKILL it made 18 trials of 14, 4 of them twice).

States are true: COMPLETE only with the values of the last rung; PRUNED for a trial that halving stopped, with
its intermediate values (of the first objective: Optuna keeps one number a step) and every metric in
`rung:<step>`, the objectives' variances in `variances:<step>`; FAIL with a `reason`; WAITING for one that was
interrupted and goes on from its checkpoint. A complete one's `student` is where that lies below the experiment.

A trial that trains another's settings again with another seed (`search.confirm`) has `confirms`, that one's key,
and `seed`; samplers are not told of it.

Only drivers write, each its own trials: those with its number (see `drivers`). Trials without `key` (put there
by others) are left alone.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from kdray.config import Sweep
from kdray.evaluation.intervals import Z_95
from kdray.experiment.job import check_key
from kdray.report.front import ends
from kdray.search.space import Point, Space

RUNG, VARIANCES = "rung:", "variances:"
STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
"""Ends of a trial, in Optuna's words and in those of an experiment folder."""


class Study:
    """One sweep's trials in an Optuna storage.

    Args:
        storage: where they are.
        sweep: its name names the study, its objectives give the directions.
        space: turns points into params and back.

    Attributes:
        space: the same.
        objectives: their names, in order.
        directions: of the objectives, in Optuna's words.
        rungs: the steps at which trials report.
    """

    def __init__(self, storage: BaseStorage, sweep: Sweep, space: Space) -> None:
        self._storage = storage
        self.space = space
        self.objectives = tuple(sweep.objectives)
        self.rungs = sweep.trial.budget.reports
        directions = [
            StudyDirection.MAXIMIZE if mode == "max" else StudyDirection.MINIMIZE
            for mode in sweep.objectives.values()
        ]
        study = optuna.create_study(
            study_name=sweep.name, storage=storage, directions=directions, load_if_exists=True
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            if study.metric_names is None:
                study.set_metric_names(list(self.objectives))
        self.directions = study.directions
        self._study_id = storage.get_study_id_from_name(sweep.name)
        self._ids: dict[int, int] = {}
        self._all()

    @property
    def signs(self) -> list[int]:
        """+1 for each objective to minimise, -1 for each to maximise."""
        return [-1 if direction == StudyDirection.MAXIMIZE else 1 for direction in self.directions]

    def _all(self) -> list[FrozenTrial]:
        trials = self._storage.get_all_trials(self._study_id, deepcopy=False)
        for trial in trials:
            check_key(str(trial.user_attrs.get("key", "t0")))
        self._ids.update((trial.number, trial._trial_id) for trial in trials)
        return trials

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The sweep's trials in these states (all of them without), by number."""
        return [t for t in self._all() if "key" in t.user_attrs and (not states or t.state in states)]

    def inherited(self) -> list[FrozenTrial]:
        """Trials of another sweep that this one knows (see `fork`)."""
        return [t for t in self._all() if "inherited" in t.user_attrs]

    def adopt(
        self, name: str, point: Point, state: str, rungs: Sequence[Mapping[str, Any]], reason: str
    ) -> None:
        """Adds a finished trial of another sweep, in one write."""
        params, distributions = self.space.params(point)
        trial = create_trial(
            state={text: state for state, text in STATES.items()}[state],
            values=self._values(rungs[-1]) if state == "complete" else None,
            params=params,
            distributions=distributions,
            user_attrs={
                "inherited": name,
                **({"reason": reason} if reason else {}),
                **{name: known for rung in rungs for name, known in self._variances(rung).items()},
                **{f"{RUNG}{rung['step']}": _scalars(rung) for rung in rungs},
            },
            intermediate_values={rung["step"]: self._values(rung)[0] for rung in rungs},
        )
        trial_id = self._storage.create_new_trial(self._study_id, template_trial=trial)
        self._ids[self._storage.get_trial_number_from_id(trial_id)] = trial_id

    def create(self, point: Point, attrs: Mapping[str, Any], system_attrs: Mapping[str, Any]) -> FrozenTrial:
        """A new RUNNING trial, in one write."""
        params, distributions = self.space.params(point)
        template = create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions=distributions,
            user_attrs={**attrs, "key": key_of(len(self._ids))},
            system_attrs=dict(system_attrs),
        )
        trial_id = self._storage.create_new_trial(self._study_id, template_trial=template)
        number = self._storage.get_trial_number_from_id(trial_id)
        self._ids[number] = trial_id
        if key_of(number) != template.user_attrs["key"]:  # somebody else put a trial into the study meanwhile
            self._storage.set_trial_user_attr(trial_id, "key", key_of(number))
        return self._storage.get_trial(trial_id)

    def trial(self, key: str) -> FrozenTrial:
        """The trial of a key."""
        return self._storage.get_trial(self._id(key))

    def take_up(self, key: str) -> bool:
        """WAITING -> RUNNING; False where it does not wait."""
        return self._storage.set_trial_state_values(self._id(key), TrialState.RUNNING)

    def note(self, key: str, **attrs: Any) -> None:
        """Keeps attributes of a trial that has not ended."""
        for name, value in attrs.items():
            self._storage.set_trial_user_attr(self._id(key), name, value)

    def put_back(self, key: str, **attrs: Any) -> None:
        """RUNNING -> WAITING: it goes on from its checkpoint later."""
        self.note(key, **attrs)
        self._storage.set_trial_state_values(self._id(key), TrialState.WAITING)

    def report(self, key: str, step: int, metrics: Mapping[str, Any]) -> None:
        """Notes the metrics of a rung."""
        self.note(key, **self._variances(metrics))
        self._storage.set_trial_user_attr(self._id(key), f"{RUNG}{step}", _scalars(metrics))
        self._storage.set_trial_intermediate_value(self._id(key), step, float(metrics[self.objectives[0]]))

    def mend(self, trial: FrozenTrial) -> None:
        """Adds the intermediate value of a rung where a kill came between the two writes of `report`."""
        for step in reported(trial):
            if step not in trial.intermediate_values:
                value = self.values(trial, step)[0]
                self._storage.set_trial_intermediate_value(trial._trial_id, step, value)

    def end(self, key: str, state: TrialState, attrs: Mapping[str, Any]) -> Sequence[float] | None:
        """COMPLETE, PRUNED or FAIL; the attributes first, for a finished trial cannot be changed. Returns the
        values.
        """
        if state == TrialState.COMPLETE:  # for who looks at the study with other tools
            attrs = {**attrs, "student": f"trials/{key}/student"}
        self.note(key, **attrs)
        values = self.values(self.trial(key), self.rungs[-1]) if state == TrialState.COMPLETE else None
        self._storage.set_trial_state_values(self._id(key), state, values)
        return values

    def point(self, trial: FrozenTrial) -> Point:
        """What the search chose for a trial."""
        return self.space.point(trial.params)

    def values(self, trial: FrozenTrial, step: int) -> list[float]:
        """The objectives of a trial at a rung that it reported."""
        return self._values(trial.user_attrs[f"{RUNG}{step}"])

    def variances(self, trial: FrozenTrial, step: int) -> list[float] | None:
        """How much each objective at a rung may be off by luck, 0 where no interval says; None where none does."""
        known = trial.user_attrs.get(f"{VARIANCES}{step}")
        return None if known is None else [float(variance) for variance in known]

    def _variances(self, metrics: Mapping[str, Any]) -> dict[str, list[float]]:
        """As an attribute: of the objectives with a 95 % interval, as if it were a normal's; none without any."""
        intervals = metrics.get("intervals")
        if not isinstance(intervals, Mapping):
            return {}
        widths = [high - low for low, high in (ends(intervals.get(name)) for name in self.objectives)]
        known = [(width / (2 * Z_95)) ** 2 if math.isfinite(width) else 0.0 for width in widths]
        return {f"{VARIANCES}{metrics['step']}": known} if any(known) else {}

    def _values(self, metrics: Mapping[str, Any]) -> list[float]:
        return [float(metrics[name]) for name in self.objectives]

    def _id(self, key: str) -> int:
        return self._ids[int(key[1:])]


def _scalars(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if isinstance(value, (int, float, str))}


def key_of(number: int) -> str:
    """7 -> `t0007`."""
    return f"t{number:04d}"


def driver_of(trial: FrozenTrial) -> int:
    """The number of the driver that trains it."""
    return int(trial.user_attrs.get("driver", 0))


def confirms_of(trial: FrozenTrial) -> tuple[str, int] | None:
    """Which trial it trains again, and with which seed; None for one that the search chose."""
    attrs = trial.user_attrs
    return (str(attrs["confirms"]), int(attrs["seed"])) if "confirms" in attrs else None


def reported(trial: FrozenTrial) -> list[int]:
    """The rungs that a trial reported, in order."""
    return sorted(int(name.removeprefix(RUNG)) for name in trial.user_attrs if name.startswith(RUNG))
