"""Runs a sweep to its end in an experiment folder, from wherever it stands.

    study and trial folders --reconcile--> Conductor <--> (StudySearcher, HalvingScheduler) <--> Tune --> Workers

One driver at a time runs a sweep, or `resources.drivers` of them on a study in a database (see `drivers`). A first
run and a resume are the same thing: what the study lacks is trained.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from kdray import results, storage
from kdray.config import Sweep
from kdray.errors import ConfigError, StorageError
from kdray.experiment import lifecycle
from kdray.experiment.drivers import Drivers
from kdray.results import TrialRecord
from kdray.workers import ray_session

log = logging.getLogger(__name__)

REMOTE_LOOK_S = 5.0
LOOK_S = 1.0
"""How often a driver that has nothing left to train looks for what the others left."""


def run(
    sweep: Sweep,
    folder: str | Path,
    *,
    resume: bool = False,
    fork: str | Path | None = None,
    address: str | None = None,
    on_event: Callable[[Any], None] = lambda event: None,
    trial_factory: str = "kdray.train:TrialRun",
    trial_context: Mapping[str, Any] | None = None,
) -> list[TrialRecord]:
    """Trains what the sweep asks for and returns all its trials.

    Args:
        sweep: what is asked for.
        folder: the experiment folder, a path or a URI.
        resume: whether an experiment that is there is gone on with; without it, it is refused.
        fork: the folder of an older sweep whose trials this new one knows from the start (see `fork`).
        address: of a Ray that runs already; None starts one in this process, and never joins another.
        on_event: called in this process with each `conductor.Event`.
        trial_factory: `module:Class` of what is trained, made from a `Trial` (see `attempt.Run`).
        trial_context: what is known before training: `vocab`, `teacher_params`, `teacher_bytes`.

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
        _fork(sweep, _location(fork), location)
    with lifecycle.claim(sweep, location, resume=resume) as drivers, _own_folder(location) as own:
        interrupted = _drive(
            sweep, location, own, drivers, address, on_event, trial_factory, dict(trial_context or {})
        )
    records = results.read(location)
    if interrupted:
        finished = sum(1 for record in records if record.state != "running")
        log.warning(
            "stopped with %d of %d trials finished; `kdray resume %s` goes on",
            finished, sweep.search.trials, sweep.name,
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


def _fork(sweep: Sweep, old: str, location: str) -> None:
    from kdray.experiment import fork
    from kdray.search import space

    known = fork.mark(old, sweep, space.build(sweep), location)
    log.warning("%s knows %d trials of %s", sweep.name, known, old)


def _drive(
    sweep: Sweep,
    location: str,
    own: Path,
    drivers: Drivers,
    address: str | None,
    on_event: Callable[[Any], None],
    factory: str,
    context: Mapping[str, Any],
) -> bool:
    """Runs Tune until nothing is left; whether it was interrupted."""
    ray_session.prepare()
    from kdray.experiment import fork as forking
    from kdray.experiment.coordinator import Conductor
    from kdray.experiment.study import Study, open_remote, open_storage
    from kdray.search import constraints, space

    ray_session.quiet()
    sizes = constraints.sizes(context) if "vocab" in context else None
    teacher = {name: float(context[name]) for name in ("teacher_params", "teacher_bytes") if name in context}
    gate = constraints.Gate(sweep, sizes, teacher, constraints.cuttable(context))
    points = space.build(sweep)
    with drivers.turn():  # several would make the tables of a new database at once
        remote = storage.is_uri(location)
        opened = open_remote(sweep, location, own, drivers.check) if remote else open_storage(sweep, own)
        study = Study(opened, sweep, points)
        forking.inherit(location, sweep, points, study)
    conductor = Conductor(sweep, study, location, gate, on_event, drivers)
    conductor.reconcile()
    if conductor.done:
        return False
    # Ray takes SIGTERM for itself when it starts, so ours comes after.
    with ray_session.opened(sweep.resources, address), _stop_requests(location) as stopped:
        while not conductor.done and not stopped.is_set():
            if (
                conductor.idle
            ):  # a driver that waits in Tune would keep its workers' processors from the others
                stopped.wait(LOOK_S)
                conductor.look()
            else:
                _tune(sweep, location, own / f".tune{drivers.number}", conductor, factory, stopped)
        conductor.interrupt()
    return stopped.is_set() and not conductor.done


def _tune(
    sweep: Sweep, location: str, own: Path, conductor: Any, factory: str, stopped: threading.Event
) -> None:
    from ray import tune

    from kdray.workers import trackers
    from kdray.workers.link import Link
    from kdray.workers.scheduler import HalvingScheduler
    from kdray.workers.searcher import StudySearcher
    from kdray.workers.worker import Stop, Worker, hand_over_no_secrets, placement

    resources = sweep.resources
    link = Link(conductor, stopped)
    searcher = StudySearcher(
        link,
        experiment=location,
        factory=factory,
        objectives=list(sweep.objectives),
        resources=resources,
    )
    hand_over_no_secrets()
    shutil.rmtree(own, ignore_errors=True)
    tuner = tune.Tuner(
        tune.with_resources(Worker, partial(placement, resources)),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=HalvingScheduler(link),
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=lambda trial: link.keys.get(trial.trial_id, trial.trial_id),
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="run", storage_path=str(own), verbose=0, stop=Stop(stopped),
            failure_config=tune.FailureConfig(max_failures=0),
            callbacks=trackers.callbacks(sweep, own.parent, link),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )  # fmt: skip
    lost = "Ray Tune lost sight of it"
    try:
        tuner.fit()
    except Exception as error:
        # Some deaths of a worker (Ray's memory monitor, 2.60) end Tune itself.
        if link.crash is None and not conductor.live:
            raise
        # Ray's message is a traceback: what happened stands in its last line.
        lost = f"Ray Tune ended: {(str(error).strip().splitlines() or [type(error).__name__])[-1][:300]}"
    finally:
        shutil.rmtree(own, ignore_errors=True)
    if link.crash is not None:
        raise link.crash
    if not stopped.is_set():
        conductor.lose_all(lost)


@contextmanager
def _stop_requests(location: str) -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM or a file sets; a second Ctrl-C interrupts at once."""
    stopped, over = threading.Event(), threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        log.warning("stopping; what was reached is safe, once more to stop at once")
        stopped.set()

    def watch() -> None:
        while not over.wait(REMOTE_LOOK_S if storage.is_uri(location) else 0.5):
            with suppress(StorageError):  # those who train will say so
                if storage.exists(storage.join(location, "stop")):
                    stopped.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    before: dict[signal.Signals, Any] = {}
    with suppress(ValueError):  # only the main thread may handle signals
        for number in (signal.SIGINT, signal.SIGTERM):  # a batch system announces its end with SIGTERM
            before[number] = signal.signal(number, on_signal)
    try:
        yield stopped
    finally:
        over.set()
        watcher.join(REMOTE_LOOK_S)
        for number, handler in before.items():
            signal.signal(number, handler)
