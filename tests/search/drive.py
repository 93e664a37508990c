"""A driver without Ray: two attempts in turn in this process, everything else as in a real sweep."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage

from kdray.config import Sweep
from kdray.errors import KdrayError
from kdray.experiment import fork, lifecycle
from kdray.experiment.coordinator import Conductor, Job
from kdray.experiment.drivers import ALONE, Drivers
from kdray.experiment.study import Study, open_storage
from kdray.search import space
from kdray.search.constraints import Gate
from kdray.workers import ray_session
from kdray.workers.attempt import Attempt, order


def conduct(
    sweep: Sweep,
    folder: Path,
    on_event: Any = lambda event: None,
    drivers: Drivers = ALONE,
    storage: BaseStorage | None = None,
    **gate: Any,
) -> Conductor:
    """A conductor that has reconciled with what is in the folder, and in `storage` instead of the sweep's own."""
    points = space.build(sweep)
    study = Study(storage or open_storage(sweep, folder), sweep, points)
    fork.inherit(folder, sweep, points, study)
    conductor = Conductor(sweep, study, folder, Gate(sweep, **gate), on_event, drivers)
    conductor.reconcile()
    return conductor


class Driver:
    """One that goes a step at a time."""

    def __init__(self, sweep: Sweep, folder: Path, conductor: Conductor, factory: str) -> None:
        self._sweep, self._folder, self._factory = sweep, folder, factory
        self.conductor = conductor
        self.keys: set[str] = set()
        self._live: list[tuple[Job, Attempt]] = []

    def step(self) -> bool:
        """Fills both slots and trains one trial to its next rung; whether anything is left anywhere."""
        while len(self._live) < 2 and (job := self.conductor.next()) is not None:
            what = order(
                job.key,
                job.trial,
                experiment=str(self._folder),
                objectives=list(self._sweep.objectives),
                decided=job.decided,
                factory=self._factory,
            )
            self._live.append((job, Attempt(what)))
            self.keys.add(job.key)
        if self._live:
            job, attempt = self._live.pop(0)
            if _advance(self.conductor, job, attempt):
                self._live.append((job, attempt))
            else:
                attempt.close()
        else:
            self.conductor.look()
        return not self.conductor.done

    def close(self) -> None:
        """Its workers end, whatever they do."""
        for _, attempt in self._live:
            attempt.close()


@contextlib.contextmanager
def driving(
    sweep: Sweep,
    folder: Path,
    factory: str = "fake_run:FakeRun",
    on_event: Any = lambda event: None,
    storage: BaseStorage | None = None,
    **gate: Any,
) -> Iterator[Driver]:
    """A driver of the sweep; with the block its locks are gone, and nothing else."""
    ray_session.quiet()
    with lifecycle.claim(sweep, folder, resume=True) as drivers:
        driver = Driver(sweep, folder, conduct(sweep, folder, on_event, drivers, storage, **gate), factory)
        try:
            yield driver
        finally:
            driver.close()


def drive(
    sweep: Sweep,
    folder: Path,
    factory: str = "fake_run:FakeRun",
    on_event: Any = lambda event: None,
    **gate: Any,
) -> Conductor:
    """Runs the sweep in `folder` to its end."""
    with driving(sweep, folder, factory, on_event, **gate) as driver:
        while driver.step():
            pass
        return driver.conductor


def _advance(conductor: Conductor, job: Job, attempt: Attempt) -> bool:
    """One rung; whether there is another."""
    try:
        metrics = attempt.next_rung()
    except KdrayError as error:
        conductor.fail(job.key, str(error))
        return False
    if not attempt.done and conductor.report(job.key, metrics["step"], metrics):
        return True
    conductor.finish(job.key, metrics["step"], metrics)
    return False
