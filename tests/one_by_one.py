"""Trains what a sweep lacks in this process, one trial after the other, without Ray."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kdray.config import Sweep
from kdray.experiment import lifecycle
from kdray.experiment.coordinator import Conductor
from kdray.experiment.study import Study, open_storage
from kdray.search import space
from kdray.search.constraints import Gate
from kdray.workers import ray_session
from kdray.workers.attempt import Attempt, order


def train_each(sweep: Sweep, folder: Path, gate: Gate) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Key and metrics of each trial that ends; who stops listening closes it, and the sweep is left as it is."""
    ray_session.quiet()
    with lifecycle.claim(sweep, folder, resume=True):
        study = Study(open_storage(sweep, folder), sweep, space.build(sweep))
        conductor = Conductor(sweep, study, folder, gate)
        conductor.reconcile()
        while (job := conductor.next()) is not None:
            what = order(
                job.key, job.trial, experiment=str(folder), objectives=list(sweep.objectives),
                decided=job.decided, factory="kdray.train:TrialRun",
            )  # fmt: skip
            attempt = Attempt(what)
            try:
                metrics = attempt.next_rung()
                while conductor.report(job.key, metrics["step"], metrics) and not attempt.done:
                    metrics = attempt.next_rung()
            finally:
                attempt.close()
            conductor.finish(job.key, metrics["step"], metrics)
            yield job.key, metrics
