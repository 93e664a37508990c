"""Trains what a sweep lacks in this process, one trial after the other, without Ray."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from kdray.config import Sweep
from kdray.experiment import lifecycle
from kdray.experiment.coordinator import Coordinator
from kdray.experiment.study import Study
from kdray.experiment.study_storage import open_storage
from kdray.search import space
from kdray.search.constraints import Gate
from kdray.workers import ray_session
from kdray.workers.attempt import Attempt
from kdray.workers.runnable import open_run


def train_each(sweep: Sweep, folder: Path, gate: Gate) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Key and metrics of each trial that ends; who stops listening closes it, and the sweep is left as it is."""
    ray_session.quiet()
    with lifecycle.claim(sweep, folder, resume=True):
        study = Study(open_storage(sweep, folder), sweep, space.build(sweep))
        coordinator = Coordinator(sweep, study, folder, gate)
        coordinator.reconcile()
        while (job := coordinator.next()) is not None:
            attempt = Attempt(
                job, str(folder), list(sweep.objectives), partial(open_run, "kdray.train:TrialRun")
            )
            try:
                metrics = attempt.next_rung()
                while coordinator.report(job.key, metrics["step"], metrics) and not attempt.done:
                    metrics = attempt.next_rung()
            finally:
                attempt.close()
            coordinator.finish(job.key, metrics["step"], metrics)
            yield job.key, metrics
