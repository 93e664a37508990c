"""One run of Ray Tune: it trains what the coordinator says until there is nothing more, or until it is stopped."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.execution import class_cache

from kdray.config import Resources, Sweep
from kdray.errors import DataError
from kdray.experiment.coordinator import Coordinator
from kdray.workers import trackers
from kdray.workers.tune_adapter import HalvingScheduler, Link, Stop, StudySearcher
from kdray.workers.worker import Worker


def tune_run(
    sweep: Sweep,
    location: str,
    own: Path,
    coordinator: Coordinator,
    factory: str,
    stopped: threading.Event,
) -> None:
    """Runs Tune once.

    Args:
        sweep: what is asked for.
        location: the experiment folder.
        own: a folder beside it for what Tune writes; it is gone at the end.
        coordinator: leads the sweep.
        factory: `module:Class` of what is trained.
        stopped: ends the run when it is set.

    Raises:
        DataError: what an earlier run left in `own` cannot be removed.
        Exception: the first error of the coordinator, or Tune's own where nothing trained.
    """
    link = Link(coordinator, stopped)
    hand_over_no_secrets()
    shutil.rmtree(own, ignore_errors=True)
    if os.path.lexists(own):  # Tune unpickles what it finds there
        raise DataError(
            f"{own}: left by another run and not to be removed: remove it, or name another folder"
        )
    tuner = tune.Tuner(
        tune.with_resources(Worker, partial(placement, sweep.resources)),
        tune_config=tune.TuneConfig(
            search_alg=StudySearcher(link, sweep, location, factory),
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
        if link.crash is None and not coordinator.live:
            raise
        # Ray's message is a traceback: what happened stands in its last line.
        lost = f"Ray Tune ended: {(str(error).strip().splitlines() or [type(error).__name__])[-1][:300]}"
    finally:
        shutil.rmtree(own, ignore_errors=True)
    if link.crash is not None:
        raise link.crash
    if not stopped.is_set():
        coordinator.lose_all(lost)


def placement(resources: Resources, config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
    """Where a trial may run: a bundle for each worker, on none of the nodes that its order avoids."""
    bundles = [resources.bundle()] * resources.workers
    if not config.get("avoid"):
        return tune.PlacementGroupFactory(bundles)
    elsewhere = {"ray.io/node-id": f"!in({config['avoid']})"}
    return tune.PlacementGroupFactory(bundles, bundle_label_selector=[elsewhere] * resources.workers)


def hand_over_no_secrets() -> None:
    """Keeps the keys of this process out of Ray's logs: Tune would send AWS's to its workers as an environment,
    which Ray writes down on their machines. Workers have what their machine's Ray was started with.
    """
    sent = class_cache.ENV_VARS_TO_PROPAGATE
    class_cache.ENV_VARS_TO_PROPAGATE = {name for name in sent if not name.startswith("AWS_")}
