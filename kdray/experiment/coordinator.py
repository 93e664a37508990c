"""Leads a sweep: says what to train next, what goes on at a rung, and how each trial ends. Knows no Ray, so
that a simulation of workers can stand in for Tune in tests and benchmarks.

The order of writes makes every moment safe to be killed at: the study first, what follows from it (trial
folders, the front's checkpoints) after, and `reconcile` does again what may be missing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from kdray.config import Sweep
from kdray.experiment.announcer import Teller
from kdray.experiment.drivers import ALONE, Drivers
from kdray.experiment.events import Event, Job
from kdray.experiment.retention import Keeper
from kdray.experiment.study import STATES, Study, driver_of, reported
from kdray.experiment.trial_folder import TrialFolder
from kdray.search import samplers, space
from kdray.search.constraints import Gate
from kdray.search.halving import Halving
from kdray.search.proposer import Proposer
from kdray.search.start_points import start_points

log = logging.getLogger(__name__)


class Conductor:
    """Between the study and whatever runs the trials.

    Args:
        sweep: what is asked for.
        study: its trials.
        folder: the experiment folder, or None to write none (simulations).
        gate: what may be trained.
        on_event: told of everything that happens.
        drivers: which of the sweep's drivers this one leads for.

    Raises:
        ConfigError: a start point that may not be trained, an unknown sampler, a grid over infinitely many
            points.
    """

    def __init__(
        self,
        sweep: Sweep,
        study: Study,
        folder: str | Path | None,
        gate: Gate,
        on_event: Callable[[Event], None] = lambda event: None,
        drivers: Drivers = ALONE,
    ) -> None:
        self._sweep = sweep
        self._drivers = drivers
        self._study = study
        self._folder = folder
        self._gate = gate
        self._teller = Teller(on_event, sweep.search.trials)
        self._space = space.build(sweep)
        self._starts = start_points(sweep, self._space, gate)
        self._signs = [-1 if mode == "max" else 1 for mode in sweep.objectives.values()]
        self._rungs = sweep.trial.budget.reports
        self._keeper = Keeper(folder, self._signs)
        search = sweep.search
        self._halving = Halving(
            self._rungs,
            self._signs,
            search.eta,
            trust=search.trust,
            grace=search.grace,
            brackets=search.brackets,
        )
        self._mirrored: dict[str, int] = {}
        self._waiting: list[str] = []
        self._live: set[str] = set()
        self._begun: set[int] = set()
        self._exhausted = False
        self._known: set[str] = set()
        self._proposer = self._read_study()

    @property
    def asked(self) -> int:
        """Trials that the sweep asks for."""
        return self._sweep.search.trials

    @property
    def _num_trials(self) -> int:
        return len(self._known)

    @property
    def finished(self) -> int:
        """Trials that are complete, pruned or failed."""
        return self._teller.finished

    @property
    def live(self) -> int:
        """Trials that train now."""
        return len(self._live)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to train here; also when a finite space has no other point."""
        return not self._live and not self._waiting and (self._num_trials >= self.asked or self._exhausted)

    @property
    def done(self) -> bool:
        """Whether nothing is left to train anywhere."""
        return self.idle and not self._elsewhere

    @property
    def _elsewhere(self) -> set[str]:
        """Trials that other drivers train."""
        return self._mirrored.keys() - self._live - set(self._waiting)

    def _read_study(self) -> Proposer:
        trials = self._study.trials()
        entropy = [self._sweep.search.seed, len(trials), self._drivers.number]
        seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        proposer = samplers.proposer(self._sweep, self._space, self._gate, self._study.directions, seed=seed)
        for trial in self._study.inherited():
            self._read_rungs(trial, trial.user_attrs["inherited"], proposer, proposer.add(trial))
        for trial in trials:
            self._read_trial(trial, proposer)
        return proposer

    def _read_trial(self, trial: FrozenTrial, proposer: Proposer) -> None:
        key = trial.user_attrs["key"]
        self._known.add(key)
        mirror_id = proposer.add(trial)
        self._read_rungs(trial, key, proposer, mirror_id)
        if "start" in trial.user_attrs:
            self._begun.add(trial.user_attrs["start"])
        if trial.state.is_finished():
            self._teller.finished += 1
        else:
            self._mirrored[key] = mirror_id

    def _read_rungs(self, trial: FrozenTrial, key: str, proposer: Proposer, mirror_id: int) -> None:
        """Tells sampler and halving what a trial reported; told again, it changes nothing."""
        for step in reported(trial):
            values = self._study.values(trial, step)
            self._halving.record(key, step, values)
            proposer.report(mirror_id, step, values)

    def reconcile(self) -> None:
        """Puts right what a killed driver left: ends what was at its end, puts back what was running, writes
        missing states.
        """
        self._take_over()
        for trial in self._study.trials(*STATES):
            self._keeper.again(trial)

    def look(self) -> None:
        """Hears what other drivers did, and takes over what those that are gone left."""
        self._hear()
        if self._elsewhere:
            self._take_over()

    def _hear(self) -> None:
        """Takes in what other drivers did since the last look."""
        elsewhere = self._elsewhere
        for trial in self._study.trials():
            key = trial.user_attrs["key"]
            if key not in self._known:
                self._read_trial(trial, self._proposer)
                self._teller.tell("started", key, point=self._space.point(trial.params), resumed_from=0)
            elif key in elsewhere:
                self._read_rungs(trial, key, self._proposer, self._mirrored[key])
                if not trial.state.is_finished():
                    continue
                self._proposer.tell(self._mirrored.pop(key), trial.state, trial.values)
                self._teller.finished += 1
            else:
                continue
            if trial.state.is_finished():
                self._keeper.again(trial)
                self._teller.tell_end(trial)

    def _take_over(self) -> None:
        """Puts into this driver's queue what it left itself, and what drivers that are gone did."""
        unfinished = (TrialState.RUNNING, TrialState.WAITING)
        for number in sorted({driver_of(trial) for trial in self._study.trials(*unfinished)}):
            with self._drivers.gone(number) as gone:
                if gone:
                    self._hear()
                    for trial in self._study.trials(*unfinished):
                        if driver_of(trial) == number and trial.user_attrs["key"] in self._elsewhere:
                            self._adopt(trial)

    def _adopt(self, trial: FrozenTrial) -> None:
        key = trial.user_attrs["key"]
        self._study.mend(trial)
        if driver_of(trial) != self._drivers.number:
            self._study.put_back(key, driver=self._drivers.number)
        elif trial.state == TrialState.RUNNING:
            self._study.put_back(key)
        if self._rungs[-1] in reported(trial):
            self._study.take_up(key)
            self._end(key, TrialState.COMPLETE, {})
        else:
            self._waiting.append(key)

    def next(self) -> Job | None:
        """The next trial to train: interrupted ones, then start points, then what the sampler proposes; None
        for none now.
        """
        if self._waiting:
            key = self._waiting.pop(0)
            self._study.take_up(key)
        elif (created := self._begin()) is not None:
            key = created
        else:
            return None
        self._live.add(key)
        return self._job(key)

    def _begin(self) -> str | None:
        """A new trial; None where none is asked for, the sampler waits for others, or every point was tried."""
        if self._num_trials >= self.asked or self._exhausted:
            return None
        with self._drivers.turn():
            if not self._drivers.alone:
                self._hear()
                if self._num_trials >= self.asked:
                    return None
            if self._proposer.waits and (self._live or self._elsewhere):
                return None
            created = self._create()
        if created is None:
            log.warning(
                "every point of the space was tried: %d trials instead of %d", self._num_trials, self.asked
            )
            self._exhausted = True
        return created

    def _create(self) -> str | None:
        start = next((n for n in range(len(self._starts)) if n not in self._begun), None)
        proposal = self._proposer.propose(None if start is None else self._starts[start])
        if proposal is None:
            return None
        attrs: dict[str, Any] = self._gate.measures(self._gate.trial(proposal.point))
        if self._drivers.number:
            attrs["driver"] = self._drivers.number
        if start is not None:
            attrs["start"] = start
            self._begun.add(start)
        trial = self._study.create(proposal.point, attrs, proposal.system_attrs)
        key = str(trial.user_attrs["key"])
        self._mirrored[key] = proposal.mirror_id
        self._known.add(key)
        return key

    def _job(self, key: str) -> Job:
        record = self._study.trial(key)
        point = self._space.point(record.params)
        trial = self._gate.trial(point)
        if self._folder is not None:
            TrialFolder(self._folder, key).begin(trial)
        steps = reported(record)
        self._teller.tell("started", key, point=point, resumed_from=steps[-1] if steps else 0)
        return Job(key, trial, steps[-1] if steps else 0, int(record.user_attrs.get("retries", 0)))

    def report(self, key: str, step: int, metrics: Mapping[str, Any]) -> bool:
        """Notes the metrics of a rung; whether the trial goes on. Every objective is there and finite."""
        known = step in reported(self._study.trial(key))
        self._study.report(key, step, metrics)
        values = [float(metrics[name]) for name in self._study.objectives]
        self._proposer.report(self._mirrored[key], step, values)
        goes_on = self._halving.goes_on(key, step, values, int(key[1:]))
        goes_on = goes_on or known or not self._sweep.search.halving
        self._teller.tell("rung", key, step=step, metrics=metrics, goes_on=goes_on)
        return goes_on

    def finish(self, key: str, step: int, metrics: Mapping[str, Any]) -> None:
        """The trial reached its last rung, or was stopped at an earlier one; its last report may be new."""
        if step not in reported(self._study.trial(key)):
            self.report(key, step, metrics)
        steps = reported(self._study.trial(key))
        if steps and steps[-1] == self._rungs[-1]:
            self._end(key, TrialState.COMPLETE, {})
        else:
            last = f"step {steps[-1]}" if steps else "its start"
            self._end(
                key,
                TrialState.PRUNED,
                {"reason": f"stopped at {last}: not among the best 1/{self._sweep.search.eta}"},
            )

    def fail(self, key: str, reason: str) -> None:
        """The trial cannot go on."""
        log.warning("trial %s failed: %s", key, reason)
        self._end(key, TrialState.FAIL, {"reason": reason})

    def lose(self, key: str, reason: str, *, count: bool = True) -> None:
        """The trial's worker died: it goes back into the queue, as often as `resources.max_failures` says where
        that counts.
        """
        retries = int(self._study.trial(key).user_attrs.get("retries", 0))
        if count and retries >= self._sweep.resources.max_failures:
            self.fail(key, f"{reason} (tried {retries + 1} times)")
            return
        log.warning("trial %s lost its worker (%s) and goes on from its last rung", key, reason)
        self._study.put_back(key, retries=retries + count)
        self._live.discard(key)
        self._waiting.append(key)
        self._teller.tell("retried", key, reason=reason)

    def lose_all(self, reason: str) -> None:
        """Every worker died."""
        for key in sorted(self._live):
            self.lose(key, reason)

    def interrupt(self) -> None:
        """The sweep ends early: what runs waits for a resume."""
        for key in sorted(self._live):
            self._study.put_back(key)
        self._waiting += sorted(self._live)
        self._live.clear()

    def _end(self, key: str, state: TrialState, attrs: Mapping[str, Any]) -> None:
        values = self._study.end(key, state, attrs)
        self._proposer.tell(self._mirrored.pop(key), state, values)
        self._live.discard(key)
        self._teller.finished += 1
        trial = self._study.trial(key)
        self._keeper.end(trial)
        self._teller.tell_end(trial)
