"""Runs a sweep to its end in an experiment folder, from wherever it stands.

    study and trial folders --reconcile--> coordinator <--> tune_adapter <--> Tune --> workers

One driver at a time runs a sweep, or `resources.drivers` of them on a study in a database (see `drivers`). A first
run and a resume are the same thing: what the study lacks is trained.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kdray import results, storage
from kdray.config import OWN_VARIABLES, Sweep
from kdray.errors import ConfigError, DataError
from kdray.experiment import lifecycle
from kdray.experiment.coordinator import Coordinator
from kdray.experiment.drivers import Drivers
from kdray.experiment.events import Event
from kdray.experiment.fork import inherit, mark
from kdray.experiment.study import Study
from kdray.experiment.study_storage import open_remote, open_storage
from kdray.report.confirmed import asked
from kdray.results import TrialRecord
from kdray.search import space
from kdray.search.constraints import gate_of
from kdray.workers import ray_session
from kdray.workers.stop_requests import stop_requests

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often a driver that has nothing left to train looks for what the others left."""


def run(
    sweep: Sweep,
    folder: str | Path,
    *,
    resume: bool = False,
    fork: str | Path | None = None,
    address: str | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    trial_factory: str = "kdray.train:TrialRun",
    trial_context: Mapping[str, Any] | None = None,
    allow_env: Sequence[str] = OWN_VARIABLES,
) -> list[TrialRecord]:
    """Trains what the sweep asks for and returns all its trials.

    Args:
        sweep: what is asked for.
        folder: the experiment folder, a path or a URI.
        resume: whether an experiment that is there is gone on with; without it, it is refused.
        fork: the folder of an older sweep whose trials this new one knows from the start (see `fork`).
        address: of a Ray that runs already; None starts one in this process, and never joins another.
        on_event: called in this process with each event.
        trial_factory: `module:Class` of what is trained, made from a `Trial` (see `runnable.Run`).
        trial_context: what is known before training: `vocab`, `teacher_params`, `teacher_bytes`, `cases`.
        allow_env: variables of the environment that `search.storage` may name, as patterns.

    Returns:
        Every trial, also those of earlier runs, by number. Fewer than asked for when it was interrupted, or
        when a finite space has no more points.

    Raises:
        ConfigError: a sweep that cannot run, or that differs from the one in the folder.
        KdrayError: as many drivers as may be run it already.
        KeyboardInterrupt: Ctrl-C, after everything that was reached is safe.
    """
    module = trial_factory.partition(":")[0]
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        raise ConfigError(f"trial factory '{trial_factory}': there is no module {module}")
    for name in ("mlflow", "wandb"):
        if getattr(sweep.tracking, name) and importlib.util.find_spec(name) is None:
            raise ConfigError(f"tracking.{name}: {name} is not installed: pip install 'kdray[{name}]'")
    location = _location(folder)
    if fork is not None:
        known = mark(_location(fork), sweep, space.build(sweep), location)
        log.warning("%s knows %d trials of %s", sweep.name, known, _location(fork))
    with lifecycle.claim(sweep, location, resume=resume) as drivers, _own_folder(location) as own:
        interrupted = _drive(
            sweep,
            location,
            own,
            drivers,
            address,
            on_event,
            trial_factory,
            dict(trial_context or {}),
            allow_env,
        )
    records = results.read(location)
    if interrupted:
        finished = sum(1 for record in records if record.state != "running")
        log.warning(
            "stopped with %d of %d trials finished; `kdray resume %s` goes on",
            finished, asked(records, sweep), sweep.name,
        )  # fmt: skip
        raise KeyboardInterrupt
    return records


def _location(folder: str | Path) -> str:
    """A URI, or an absolute path."""
    text = str(folder)
    return text if storage.is_uri(text) else os.path.abspath(text.removeprefix("file://"))


@contextmanager
def _own_folder(location: str) -> Iterator[Path]:
    """Where this driver writes files that only it and those who follow the sweep read: the experiment folder, or
    behind a URI one of this machine's. What trackers wrote there is carried over at the end.
    """
    if not storage.is_uri(location):
        yield Path(location)
        return
    with tempfile.TemporaryDirectory(prefix="kdray-") as own:
        try:
            yield Path(own)
        finally:
            for name in ("tensorboard", "wandb"):
                storage.upload(Path(own, name), storage.join(location, name))


def _drive(
    sweep: Sweep,
    location: str,
    own: Path,
    drivers: Drivers,
    address: str | None,
    on_event: Callable[[Event], None],
    factory: str,
    context: Mapping[str, Any],
    allow_env: Sequence[str],
) -> bool:
    """Runs Tune until nothing is left; whether it was interrupted."""
    ray_session.prepare()
    from kdray.workers.tune_run import tune_run

    ray_session.quiet()
    gate = gate_of(sweep, context)
    study = _open_study(sweep, location, own, drivers, allow_env)
    coordinator = Coordinator(sweep, study, location, gate, on_event, drivers, context.get("cases"))
    coordinator.reconcile()
    if coordinator.done:
        return False
    # Ray takes SIGTERM for itself when it starts, so ours comes after.
    with ray_session.opened(sweep.resources, address), stop_requests(location) as stopped:
        while not coordinator.done and not stopped.is_set():
            if coordinator.idle:
                # A driver that waits in Tune would keep its workers' processors from the others.
                stopped.wait(LOOK_S)
                coordinator.look()
            else:
                tune_run(sweep, location, own / f".tune{drivers.number}", coordinator, factory, stopped)
        coordinator.interrupt()
    return stopped.is_set() and not coordinator.done


def _open_study(sweep: Sweep, location: str, own: Path, drivers: Drivers, allow_env: Sequence[str]) -> Study:
    """The sweep's study, with what it inherits where it is a fork."""
    points = space.build(sweep)
    with drivers.turn():  # several would make the tables of a new database at once
        opened = (
            open_remote(sweep, location, own, drivers.check, allow_env)
            if storage.is_uri(location)
            else open_storage(sweep, own, allow_env)
        )
        try:
            study = Study(opened, sweep, points)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{location}: its study does not read: {' '.join(str(error).split())}") from error
        inherit(location, sweep, points, study)
    return study
