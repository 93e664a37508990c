"""Leads a sweep: says what to train next, what goes on at a rung, and how each trial ends. Knows no Ray, so
that a simulation of workers can stand in for Tune in tests and benchmarks.

The order of writes makes every moment safe to be killed at: the study first, what follows from it (trial
folders, the front's checkpoints) after, and `reconcile` does again what may be missing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from kdray.config import Sweep, Trial
from kdray.experiment.announcer import Announcer
from kdray.experiment.confirming import Confirming
from kdray.experiment.drivers import ALONE, Drivers
from kdray.experiment.events import Event
from kdray.experiment.job import Job
from kdray.experiment.other_drivers import OtherDrivers
from kdray.experiment.retention import Keeper
from kdray.experiment.roster import UNFINISHED, Place
from kdray.experiment.study import RUNG, STATES, Study, confirms_of, reported
from kdray.experiment.sweep_memory import SweepMemory
from kdray.experiment.trial_fingerprint import trial_fingerprint
from kdray.experiment.trial_folder import TrialFolder, keys
from kdray.search.constraints import Gate

log = logging.getLogger(__name__)


class Coordinator:
    """Between the study and whatever runs the trials.

    Args:
        sweep: what is asked for.
        study: its trials.
        folder: the experiment folder, or None to write none (simulations).
        gate: what may be trained.
        on_event: told of everything that happens.
        drivers: which of the sweep's drivers this one leads for.
        cases: how many the suite has, where that is known: what `search.confirm.cases: all` means.

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
        cases: int | None = None,
    ) -> None:
        self._sweep = sweep
        self._study = study
        self._folder = folder
        self._gate = gate
        self._drivers = drivers
        self._keeper = Keeper(folder, study.signs, sweep.keep)
        self._memory = SweepMemory(sweep, study, gate, drivers.number)
        self._roster = self._memory.roster
        self._confirming = Confirming(sweep, folder, cases)
        self._announcer = Announcer(on_event, self._roster, sweep.search.trials)
        self._others = OtherDrivers(drivers, study, self._memory, self._keeper, self._announcer)

    @property
    def live(self) -> int:
        """Trials that train now."""
        return self._roster.count(Place.TRAINING)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to train here; also when a finite space has no other point."""
        return self._all_begun and not self._roster.count(Place.WAITING, Place.TRAINING)

    @property
    def done(self) -> bool:
        """Whether nothing is left to train anywhere."""
        return self.idle and not self._roster.count(Place.ELSEWHERE)

    @property
    def _all_begun(self) -> bool:
        return self._all_searched and not self._to_confirm

    @property
    def _all_searched(self) -> bool:
        begun = self._roster.searched(*Place)
        return begun >= self._sweep.search.trials or self._memory.proposer.exhausted

    @property
    def _to_confirm(self) -> list[tuple[str, int]]:
        """What is still to be trained again; nothing before the whole search has ended, everywhere."""
        if not self._all_searched or self._roster.searched(*UNFINISHED):
            return []
        return [pair for pair in self._confirming.planned if pair not in self._memory.confirmed]

    def reconcile(self) -> None:
        """Puts right what a killed driver left: ends what was at its end, puts back what was running, writes
        missing states.
        """
        self._set_unknown_aside()
        self._take_over()
        for trial in self._study.trials(*STATES):
            self._put_right(trial)
            self._keeper.again(trial)
        self._tell_how_many()

    def _tell_how_many(self) -> None:
        """Trials that are asked for in all, those among them that are to be trained again."""
        self._announcer.asked = max(self._sweep.search.trials, len(self._roster) + len(self._to_confirm))

    def _set_unknown_aside(self) -> None:
        """A journal that lost its tail knows fewer trials than there are folders: theirs are no results of this
        study, and their keys are given again. Folders are looked at first, for a trial has its folder last.
        """
        if self._folder is None:
            return
        there = keys(self._folder)
        for key in sorted(there - {trial.user_attrs["key"] for trial in self._study.trials()}):
            TrialFolder(self._folder, key).set_aside("the study knows no such trial")

    def _put_right(self, trial: FrozenTrial) -> None:
        """Writes the folder of an ended trial anew where it is another trial's."""
        if self._folder is None:
            return
        folder = TrialFolder(self._folder, trial.user_attrs["key"], trial.user_attrs.get("fingerprint", ""))
        if folder.strange:
            folder.begin(self._trial(trial))
            folder.write_rungs([trial.user_attrs[f"{RUNG}{step}"] for step in reported(trial)])

    def look(self) -> None:
        """Hears what other drivers did, and takes over what those that are gone left."""
        self._others.hear()
        if self._roster.count(Place.ELSEWHERE):
            self._take_over()

    def _take_over(self) -> None:
        for trial in self._others.take_over():
            key = trial.user_attrs["key"]
            if self._study.rungs[-1] in reported(trial):
                self._study.take_up(key)
                self._end(key, TrialState.COMPLETE, {})
            else:
                self._roster.move(key, Place.WAITING)

    def next(self) -> Job | None:
        """The next trial to train: interrupted ones, then start points, then what the sampler proposes, and at the
        end the likeliest of the front again; None for none now.
        """
        waiting = self._roster.keys(Place.WAITING)
        if waiting:
            self._study.take_up(waiting[0])
            self._roster.move(waiting[0], Place.TRAINING)
            return self._job(waiting[0])
        key = self._begin()
        return None if key is None else self._job(key)

    def _begin(self) -> str | None:
        """A new trial; None where none is asked for, the sampler waits for others, or every point was tried."""
        if self._all_begun:
            return None
        with self._drivers.turn():
            if not self._drivers.alone:
                self._others.hear()
                if self._all_begun:
                    return None
            if self._all_searched:
                return self._confirm()
            if self._memory.proposer.waits and self._roster.count(Place.TRAINING, Place.ELSEWHERE):
                return None
            key = self._create()
        if key is None:
            asked = self._sweep.search.trials
            log.warning(
                "every point of the space was tried: %d trials instead of %d", len(self._roster), asked
            )
        return key

    def _confirm(self) -> str | None:
        """A trial that trains another's settings again."""
        left = self._to_confirm
        if not left:
            return None
        self._tell_how_many()
        confirms, seed = left[0]
        point = self._study.point(self._study.trial(confirms))
        attrs: dict[str, Any] = self._gate.measures(self._gate.trial(point))
        if self._drivers.number:
            attrs["driver"] = self._drivers.number
        trial = self._study.create(point, {**attrs, "confirms": confirms, "seed": seed}, {})
        self._memory.confirmed.add((confirms, seed))
        self._roster.enter(str(trial.user_attrs["key"]), Place.TRAINING, None)
        return str(trial.user_attrs["key"])

    def _trial(self, trial: FrozenTrial) -> Trial:
        """The whole trial of one of the study's."""
        whole, confirms = self._gate.trial(self._study.point(trial)), confirms_of(trial)
        return whole if confirms is None else self._confirming.trial(whole, confirms[1])

    def _create(self) -> str | None:
        start, point = next(iter(self._memory.starts.items()), (None, None))
        proposal = self._memory.proposer.propose(point)
        if proposal is None:
            return None
        attrs: dict[str, Any] = self._gate.measures(self._gate.trial(proposal.point))
        if self._drivers.number:
            attrs["driver"] = self._drivers.number
        if start is not None:
            attrs["start"] = start
            del self._memory.starts[start]
        trial = self._study.create(proposal.point, attrs, proposal.system_attrs)
        key = str(trial.user_attrs["key"])
        self._roster.enter(key, Place.TRAINING, proposal.mirror_id)
        return key

    def _job(self, key: str) -> Job:
        trial = self._study.trial(key)
        point, decided = self._study.point(trial), max(reported(trial), default=0)
        job = Job(key, self._trial(trial), decided)
        if self._folder is not None:
            job = replace(job, fingerprint=trial_fingerprint(job.trial))
            if trial.user_attrs.get("fingerprint") != job.fingerprint:
                self._study.note(key, fingerprint=job.fingerprint)
            TrialFolder(self._folder, key, job.fingerprint).begin(job.trial)
        self._announcer.tell_start(trial, point, decided)
        return job

    def report(self, key: str, step: int, metrics: Mapping[str, Any]) -> bool:
        """Notes the metrics of a rung; whether the trial goes on. Every objective is there and finite."""
        known = step in reported(self._study.trial(key))
        self._study.report(key, step, metrics)
        trial = self._study.trial(key)
        values, variances = self._study.values(trial, step), self._study.variances(trial, step)
        goes_on = self._memory.report(key, step, values, variances)
        goes_on = goes_on or known or not self._sweep.search.halving
        self._announcer.tell("rung", key, step=step, metrics=metrics, goes_on=goes_on)
        return goes_on

    def finish(self, key: str, step: int, metrics: Mapping[str, Any]) -> None:
        """The trial reached its last rung, or was stopped at an earlier one; its last report may be new."""
        if step not in reported(self._study.trial(key)):
            self.report(key, step, metrics)
        steps = reported(self._study.trial(key))
        if steps and steps[-1] == self._study.rungs[-1]:
            self._end(key, TrialState.COMPLETE, {})
            return
        last = f"step {steps[-1]}" if steps else "its start"
        reason = f"stopped at {last}: not among the best 1/{self._sweep.search.eta}"
        self._end(key, TrialState.PRUNED, {"reason": reason})

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
        self._roster.move(key, Place.WAITING)
        self._announcer.tell("retried", key, reason=reason)

    def lose_all(self, reason: str) -> None:
        """Every worker died."""
        for key in sorted(self._roster.keys(Place.TRAINING)):
            self.lose(key, reason)

    def interrupt(self) -> None:
        """The sweep ends early: what runs waits for a resume."""
        for key in sorted(self._roster.keys(Place.TRAINING)):
            self._study.put_back(key)
            self._roster.move(key, Place.WAITING)

    def _end(self, key: str, state: TrialState, attrs: Mapping[str, Any]) -> None:
        self._memory.end(key, state, self._study.end(key, state, attrs))
        trial = self._study.trial(key)
        self._keeper.end(trial)
        self._announcer.tell_end(trial)
