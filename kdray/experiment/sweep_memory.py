"""What a driver remembers of its sweep's study. All of it is read from the study: nothing here is on disk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from kdray.config import Sweep
from kdray.experiment.roster import Place, Roster
from kdray.experiment.study import Study, confirms_of, reported
from kdray.search import samplers
from kdray.search.constraints import Gate
from kdray.search.halving import Halving
from kdray.search.start_points import start_points


class SweepMemory:
    """Where each trial stands, and what the sampler and the halving were told of it: of a trial that confirms
    another, nothing. Its point would be no news to them, and its rungs no rivals' of the search's.

    Args:
        sweep: what is asked for.
        study: its trials.
        gate: what may be trained.
        driver: the number of this driver.

    Attributes:
        roster: where each trial stands; one that has not ended stands elsewhere until this driver takes it.
        starts: start points that no trial has begun with, by their number.
        proposer: proposes the next point.
        confirmed: the trials that were trained again, and with which seeds.

    Raises:
        ConfigError: a start point that may not be trained, an unknown sampler, a grid over infinitely many points.
    """

    def __init__(self, sweep: Sweep, study: Study, gate: Gate, driver: int) -> None:
        search = sweep.search
        self._study = study
        self.roster = Roster()
        self.starts = dict(enumerate(start_points(sweep, study.space, gate)))
        self._halving = Halving(
            study.rungs,
            study.signs,
            search.eta,
            trust=search.trust,
            grace=search.grace,
            brackets=search.brackets,
        )
        self.confirmed: set[tuple[str, int]] = set()
        trials = study.trials()
        seed = int(np.random.SeedSequence([search.seed, len(trials), driver]).generate_state(1)[0])
        self.proposer = samplers.proposer(sweep, study.space, gate, study.directions, seed=seed)
        for trial in study.inherited():
            self._read_rungs(trial, trial.user_attrs["inherited"], self.proposer.add(trial))
        for trial in trials:
            self.read(trial)

    def read(self, trial: FrozenTrial) -> None:
        """A trial of the study that is not known yet."""
        place = Place.ENDED if trial.state.is_finished() else Place.ELSEWHERE
        if (confirms := confirms_of(trial)) is not None:
            self.confirmed.add(confirms)
            self.roster.enter(trial.user_attrs["key"], place, None)
            return
        key, mirror_id = trial.user_attrs["key"], self.proposer.add(trial)
        self.roster.enter(key, place, mirror_id)
        self._read_rungs(trial, key, mirror_id)
        if "start" in trial.user_attrs:
            self.starts.pop(trial.user_attrs["start"], None)

    def read_again(self, trial: FrozenTrial) -> None:
        """A trial that stands elsewhere: what it reported since, and its end."""
        key = trial.user_attrs["key"]
        if (mirror_id := self.roster.mirror_id(key)) is not None:
            self._read_rungs(trial, key, mirror_id)
        if trial.state.is_finished():
            self.end(key, trial.state, trial.values)

    def _read_rungs(self, trial: FrozenTrial, key: str, mirror_id: int) -> None:
        """Tells sampler and halving what a trial reported; told again, it changes nothing."""
        for step in reported(trial):
            values = self._study.values(trial, step)
            self._halving.record(key, step, values)
            self.proposer.report(mirror_id, step, values, self._study.variances(trial, step))

    def report(
        self, key: str, step: int, values: Sequence[float], variances: Sequence[float] | None = None
    ) -> bool:
        """A report of a trial that trains here; whether the halving lets it go on."""
        if (mirror_id := self.roster.mirror_id(key)) is None:
            return True
        self.proposer.report(mirror_id, step, values, variances)
        return self._halving.goes_on(key, step, values, int(key[1:]))

    def end(self, key: str, state: TrialState, values: Sequence[float] | None) -> None:
        """A trial has ended, here or elsewhere."""
        if (mirror_id := self.roster.mirror_id(key)) is not None:
            self.proposer.tell(mirror_id, state, values)
        self.roster.move(key, Place.ENDED)
