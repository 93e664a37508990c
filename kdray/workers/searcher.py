"""The Tune searcher: asks the conductor for trials and tells it how they ended."""

from __future__ import annotations

import json
from typing import Any

from ray.exceptions import RayActorError, RayTaskError
from ray.tune.search import Searcher

from kdray.config import Resources
from kdray.errors import ConfigError, KdrayError, StorageError
from kdray.workers import ray_session
from kdray.workers.attempt import order
from kdray.workers.link import Link, Unpickled
from kdray.workers.worker import REPORT


class StudySearcher(Unpickled, Searcher):  # type: ignore[misc]
    """Tune's face of the conductor.

    Args:
        link: the conductor and what is shared with the scheduler.
        experiment: the experiment folder.
        factory: `module:Class` of the runs.
        objectives: what each report must hold.
        resources: what a trial takes, and how many run at a time.
    """

    def __init__(
        self, link: Link, *, experiment: str, factory: str, objectives: list[str], resources: Resources
    ) -> None:
        super().__init__()
        self._link = link
        self._experiment = experiment
        self._factory = factory
        self._objectives = objectives
        self._resources = resources
        self._max_concurrent = resources.max_concurrent
        self._each = {
            "workers": resources.workers,
            "cpus": resources.cpus_per_worker,
            "gpus": resources.gpus_per_worker,
            "threads": max(1, int(resources.cpus_per_worker)),
        }

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial; None while all slots are taken or a lost one may come back."""
        with self._link.guard():
            return self._suggest(trial_id)
        return str(Searcher.FINISHED)

    def _suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        conductor = self._link.conductor
        if self._link.stopped.is_set():
            return str(Searcher.FINISHED)
        if conductor.live >= self._max_concurrent:
            return None
        job = conductor.next()
        if job is None:
            return str(Searcher.FINISHED) if conductor.idle else None
        self._link.keys[trial_id] = job.key
        what = order(
            job.key, job.trial, experiment=self._experiment, objectives=self._objectives,
            decided=job.decided, factory=self._factory,
        )  # fmt: skip
        return {"order": what.to_json(), "avoid": ",".join(sorted(self._link.avoid)), **self._each}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """A trial ended: at its last rung, stopped, failed, or with its worker."""
        with self._link.guard():
            self._end(
                self._link.keys[trial_id], self._link.causes.pop(trial_id, None), None if error else result
            )

    def _end(self, key: str, cause: BaseException | None, result: dict[str, Any] | None) -> None:
        conductor = self._link.conductor
        if result is None or REPORT not in result:
            origin = origin_of(cause)
            if isinstance(origin, StorageError):
                conductor.lose(key, str(origin), count=False)
                self._avoid(origin)
            elif not isinstance(cause, RayTaskError) or isinstance(origin, RayActorError):
                conductor.lose(key, describe(origin))
            else:
                conductor.fail(key, describe(origin))
            return
        report = json.loads(result[REPORT])
        if "failed" in report:
            conductor.fail(key, report["failed"])
            return
        # Tune does not ask the scheduler about a result that says it is the last: it may be new to the
        # conductor.
        conductor.finish(key, report["metrics"]["step"], report["metrics"])

    def _avoid(self, error: StorageError) -> None:
        """Sends no more trials to a machine. Raises the error itself where no other has room for one."""
        self._link.avoid.add(error.machine)
        nodes = [node for name, node in ray_session.nodes().items() if name not in self._link.avoid]
        try:
            ray_session.check_room(self._resources, nodes)
        except ConfigError:
            raise error from None

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study is the truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the study is the truth."""


def origin_of(cause: BaseException | None) -> BaseException | None:
    """What was raised in the first place, by the worker or by one of its peers."""
    while isinstance(cause, RayTaskError) and cause.cause is not None:
        cause = cause.cause
    return cause


def describe(cause: BaseException | None) -> str:
    """What a worker died of, in one line."""
    cause = origin_of(cause)
    if cause is None:
        return "the worker was lost"
    if isinstance(cause, KdrayError):
        return str(cause)
    if isinstance(cause, RayActorError):
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
        why = next(
            (line for line in lines if "cause" in line.lower() or "exit" in line.lower()),
            lines[0] if lines else "",
        )
        return f"the worker was lost: {why}"[:300]
    first = (str(cause).strip().splitlines() or [""])[0]
    return f"{type(cause).__name__}: {first}"
