"""A sweep on simulated workers with a clock of their own: a whole search in seconds.

The coordinator, the study, the sampler and the halving are the real ones; only training is a function. No Ray.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kdray.experiment.coordinator import Coordinator
from kdray.experiment.job import Job

Train = Callable[[Job, int], tuple[Mapping[str, Any], float]]
"""(job, rung) -> the metrics at that rung (with `step`), and the seconds it takes to get there from the rung
before.
"""


@dataclass(frozen=True)
class Simulated:
    """What a simulation took: seconds on its own clock, and trials begun."""

    clock_s: float
    begun: int


def simulate(
    coordinator: Coordinator, train: Train, workers: int, until_s: float = float("inf")
) -> Simulated:
    """Runs a sweep to its end, or until its clock stands at `until_s`.

    Args:
        coordinator: leads it; should have been reconciled.
        train: stands in for training.
        workers: trials at a time.
        until_s: no report later than this is heard.
    """
    clock, begun = 0.0, 0
    events: list[tuple[float, int, Job, int, Mapping[str, Any]]] = []

    def go(job: Job, after: int, at: float) -> None:
        rung = next(step for step in job.trial.budget.reports if step > after)
        metrics, seconds = train(job, rung)
        heapq.heappush(events, (at + seconds, int(job.key[1:]), job, rung, metrics))

    while True:
        while len(events) < workers and (job := coordinator.next()) is not None:
            begun += 1
            go(job, job.decided, clock)
        if not events or events[0][0] > until_s:
            return Simulated(clock, begun)
        clock, _, job, rung, metrics = heapq.heappop(events)
        if rung < job.trial.budget.steps and coordinator.report(job.key, rung, metrics):
            go(job, rung, clock)
        else:
            coordinator.finish(job.key, rung, metrics)
