"""A driver without Ray: two attempts in turn in this process, everything else as in a real sweep."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage

from kdray.config import Sweep
from kdray.errors import KdrayError
from kdray.experiment import fork, lifecycle
from kdray.experiment.coordinator import Coordinator
from kdray.experiment.drivers import ALONE, Drivers
from kdray.experiment.job import Job
from kdray.experiment.study import Study
from kdray.experiment.study_storage import open_storage
from kdray.search import space
from kdray.search.constraints import Gate
from kdray.workers import ray_session
from kdray.workers.attempt import Attempt
from kdray.workers.runnable import open_run


def conduct(
    sweep: Sweep,
    folder: Path,
    on_event: Any = lambda event: None,
    drivers: Drivers = ALONE,
    storage: BaseStorage | None = None,
    **gate: Any,
) -> Coordinator:
    """A coordinator that has reconciled with the folder; its study is in `storage`, or where the sweep says."""
    points = space.build(sweep)
    study = Study(storage or open_storage(sweep, folder), sweep, points)
    fork.inherit(folder, sweep, points, study)
    coordinator = Coordinator(sweep, study, folder, Gate(sweep, **gate), on_event, drivers)
    coordinator.reconcile()
    return coordinator


class Driver:
    """One that goes a step at a time."""

    def __init__(self, sweep: Sweep, folder: Path, coordinator: Coordinator, factory: str) -> None:
        self._sweep, self._folder, self._factory = sweep, folder, factory
        self.coordinator = coordinator
        self.keys: set[str] = set()
        self._live: list[tuple[Job, Attempt]] = []

    def step(self) -> bool:
        """Fills both slots and trains one trial to its next rung; whether anything is left anywhere."""
        while len(self._live) < 2 and (job := self.coordinator.next()) is not None:
            run = partial(open_run, self._factory)
            self._live.append((job, Attempt(job, str(self._folder), list(self._sweep.objectives), run)))
            self.keys.add(job.key)
        if self._live:
            job, attempt = self._live.pop(0)
            if _advance(self.coordinator, job, attempt):
                self._live.append((job, attempt))
            else:
                attempt.close()
        else:
            self.coordinator.look()
        return not self.coordinator.done

    def close(self) -> None:
        """Its workers end, whatever they do."""
        for _, attempt in self._live:
            attempt.close()


@contextlib.contextmanager
def driving(
    sweep: Sweep,
    folder: Path,
    factory: str = "tests.sweeping.fake_run:FakeRun",
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
    factory: str = "tests.sweeping.fake_run:FakeRun",
    on_event: Any = lambda event: None,
    **gate: Any,
) -> Coordinator:
    """Runs the sweep in `folder` to its end."""
    with driving(sweep, folder, factory, on_event, **gate) as driver:
        while driver.step():
            pass
        return driver.coordinator


def _advance(coordinator: Coordinator, job: Job, attempt: Attempt) -> bool:
    """One rung; whether there is another."""
    try:
        metrics = attempt.next_rung()
    except KdrayError as error:
        coordinator.fail(job.key, str(error))
        return False
    if not attempt.done and coordinator.report(job.key, metrics["step"], metrics):
        return True
    coordinator.finish(job.key, metrics["step"], metrics)
    return False
