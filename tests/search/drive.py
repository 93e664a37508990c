"""A driver without Ray: two attempts in turn in this process, everything else as in a real sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdray.config import Sweep
from kdray.errors import KdrayError
from kdray.search import experiment, fork, session, space
from kdray.search.attempt import Attempt, order
from kdray.search.conductor import Conductor, Job
from kdray.search.constraints import Gate
from kdray.search.study import Study, open_storage


def conduct(sweep: Sweep, folder: Path, on_event: Any = lambda event: None, **gate: Any) -> Conductor:
    """A conductor that has reconciled with what is in the folder."""
    points = space.build(sweep)
    study = Study(open_storage(sweep, folder), sweep, points)
    fork.inherit(folder, sweep, points, study)
    conductor = Conductor(sweep, study, folder, Gate(sweep, **gate), on_event)
    conductor.reconcile()
    return conductor


def drive(
    sweep: Sweep,
    folder: Path,
    factory: str = "fake_run:FakeRun",
    on_event: Any = lambda event: None,
    **gate: Any,
) -> Conductor:
    """Runs the sweep in `folder` to its end."""
    session.quiet()
    with experiment.claim(sweep, folder, resume=True):
        conductor = conduct(sweep, folder, on_event, **gate)
        live: list[tuple[Job, Attempt]] = []
        while True:
            while len(live) < 2 and (job := conductor.next()) is not None:
                what = order(
                    job.key,
                    job.trial,
                    experiment=str(folder),
                    objectives=list(sweep.objectives),
                    decided=job.decided,
                    factory=factory,
                )
                live.append((job, Attempt(what)))
            if not live:
                return conductor
            job, attempt = live.pop(0)
            if _advance(conductor, job, attempt):
                live.append((job, attempt))
            else:
                attempt.close()


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
