"""What Tune sees of a sweep: a searcher, a scheduler and a stopper that hand everything to the coordinator and do
what it says. Metrics are the coordinator's, so Tune knows of none.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ray import cloudpickle, tune
from ray.exceptions import RayActorError, RayTaskError
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from kdray.config import Sweep
from kdray.errors import ConfigError, StorageError
from kdray.experiment.coordinator import Coordinator
from kdray.workers import node_room
from kdray.workers.causes import describe, origin_of
from kdray.workers.worker import REPORT


class Unpickled:
    """Tune pickles what it is given, for a restore that never comes; a live object is not to be copied."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Unpickled:
        """Itself."""
        return self


@dataclass
class Link(Unpickled):
    """What the parts share for one run of Tune.

    Attributes:
        coordinator: leads the sweep.
        stopped: set by whoever wants the run to end.
        keys: Tune's trial id -> key.
        causes: Tune's trial id -> what its worker died of.
        avoid: ids of Ray's nodes on which no trial can work: what it would write finds no room there.
        crash: the first error of our own; Tune would take it for a failed trial and go on.
    """

    coordinator: Coordinator
    stopped: threading.Event
    keys: dict[str, str] = field(default_factory=dict)
    causes: dict[str, BaseException] = field(default_factory=dict)
    avoid: set[str] = field(default_factory=set)
    crash: BaseException | None = None

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Keeps an error from Tune, and ends the run because of it."""
        try:
            yield
        except Exception as error:
            self.crash = self.crash or error
            self.stopped.set()


class StudySearcher(Unpickled, Searcher):  # type: ignore[misc]
    """Asks the coordinator for trials and tells it how they ended.

    Args:
        link: what is shared with the scheduler.
        sweep: what a trial takes, what it reports, and how many run at a time.
        experiment: the experiment folder.
        factory: `module:Class` of the runs.
    """

    def __init__(self, link: Link, sweep: Sweep, experiment: str, factory: str) -> None:
        super().__init__()
        self._link = link
        self._resources = resources = sweep.resources
        self._shared = {
            "experiment": experiment,
            "factory": factory,
            "objectives": json.dumps(list(sweep.objectives)),
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
        coordinator = self._link.coordinator
        if self._link.stopped.is_set():
            return str(Searcher.FINISHED)
        if coordinator.live >= self._resources.max_concurrent:
            return None
        job = coordinator.next()
        if job is None:
            return str(Searcher.FINISHED) if coordinator.idle else None
        self._link.keys[trial_id] = job.key
        return {"job": job.to_json(), "avoid": ",".join(sorted(self._link.avoid)), **self._shared}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """A trial ended: at its last rung, stopped, failed, or with its worker."""
        with self._link.guard():
            key, cause = self._link.keys[trial_id], self._link.causes.pop(trial_id, None)
            if error or result is None or REPORT not in result:
                self._lost(key, cause)
            else:
                self._ended(key, json.loads(result[REPORT]))

    def _ended(self, key: str, report: dict[str, Any]) -> None:
        if "failed" in report:
            self._link.coordinator.fail(key, report["failed"])
            return
        # Tune does not ask the scheduler about a result that says it is the last: it may be new to the
        # coordinator.
        self._link.coordinator.finish(key, report["metrics"]["step"], report["metrics"])

    def _lost(self, key: str, cause: BaseException | None) -> None:
        coordinator, origin = self._link.coordinator, origin_of(cause)
        if isinstance(origin, StorageError):
            coordinator.lose(key, str(origin), count=False)
            self._avoid(origin)
        elif not isinstance(cause, RayTaskError) or isinstance(origin, RayActorError):
            coordinator.lose(key, describe(origin))
        else:
            coordinator.fail(key, describe(origin))

    def _avoid(self, error: StorageError) -> None:
        """Sends no more trials to a machine. Raises the error itself where no other has room for one."""
        self._link.avoid.add(error.machine)
        nodes = [node for name, node in node_room.nodes().items() if name not in self._link.avoid]
        try:
            node_room.check_room(self._resources, nodes)
        except ConfigError:
            raise error from None

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study is the truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the study is the truth."""


class HalvingScheduler(Unpickled, FIFOScheduler):  # type: ignore[misc]
    """First in, first out; a report decides whether its trial goes on."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """A rung was reached, and it was not the last."""
        with self._link.guard():
            metrics = json.loads(result[REPORT])["metrics"]
            if self._link.coordinator.report(self._link.keys[trial.trial_id], metrics["step"], metrics):
                return str(TrialScheduler.CONTINUE)
            return str(TrialScheduler.STOP)
        return str(TrialScheduler.CONTINUE)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Keeps the cause, which Tune does not hand to a searcher."""
        # `trial.get_pickled_error()` looks into the storage, where the file is not yet.
        path = trial.pickled_error_file
        if path and os.path.exists(path):
            with (
                open(path, "rb") as file,
                contextlib.suppress(Exception),
            ):  # an exception that cannot be unpickled
                self._link.causes[trial.trial_id] = cloudpickle.load(file)


class Stop(Unpickled, tune.Stopper):  # type: ignore[misc]
    """Ends the whole run when an event is set; single trials are the scheduler's."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Whether this trial ends."""
        return False

    def stop_all(self) -> bool:
        """Whether the run ends."""
        return self._stopped.is_set()
