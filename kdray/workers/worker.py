"""What Tune runs: a class Trainable whose step is one rung. Workers are reused, so that only a worker's first
trial pays for imports.

Everything that can go wrong happens in `step`: Tune loses a trial whose `setup` or `reset_config` fails. A
trial that cannot go on reports why and is done; any other exception is raised, so that Tune throws the
process away with whatever state it is in. A full disk is one of those: the trial goes on elsewhere, and the
machine is avoided from then on. Tune's own checkpoints are not used: the trial folder holds them, and a step
takes them up by itself.
"""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import ray
from ray import tune

from kdray.config import Trial
from kdray.errors import KdrayError, StorageError
from kdray.experiment.job import Job
from kdray.workers.attempt import Attempt
from kdray.workers.runnable import Run, open_run
from kdray.workers.threads import use_threads

REPORT = "report"


class Worker(tune.Trainable):  # type: ignore[misc]
    """A Tune worker: trains one trial after another. Its configuration is the searcher's: a job, and beside it
    what all trials of the sweep share.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Keeps the job; the trial itself begins with the first step."""
        self._attempt: Attempt | None = None
        self._peers: Any = None
        logging.getLogger("ray.tune").setLevel(logging.ERROR)
        use_threads(int(config["threads"]))

    def step(self) -> dict[str, Any]:
        """Trains to the next rung. The report is JSON text, for Tune flattens dicts."""
        try:
            if self._attempt is None:
                self._attempt = self._begin()
            metrics = self._attempt.next_rung()
            done = self._attempt.done
            report: dict[str, Any] = {"metrics": metrics}
        except StorageError as error:
            error.machine = error.machine or ray.get_runtime_context().get_node_id()
            raise  # the trial goes on, on another machine
        except KdrayError as error:
            if self._peers is not None:
                raise  # peers may hang in a collective that this rank left: away with the whole process
            report, done = {"failed": str(error)}, True
        if done:
            self._close()
        return {REPORT: json.dumps(report), "done": done}

    def _begin(self) -> Attempt:
        job, objectives = Job.from_json(self.config["job"]), json.loads(self.config["objectives"])
        return Attempt(job, self.config["experiment"], objectives, self._opener())

    def _opener(self) -> Callable[[Trial], Run]:
        """How a run begins: here, or in several processes."""
        factory = self.config["factory"]
        if self.config["workers"] == 1:
            return partial(open_run, factory)
        from kdray.workers.team import Peers, Team

        if self._peers is None:
            self._peers = Peers(
                self.config["workers"] - 1, self.config["cpus"], self.config["gpus"], self.config["threads"]
            )
        return partial(Team, self._peers, factory)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Makes room for another trial in the same process."""
        self._close()
        # What is left are modules and caches, and the collector is to look at them no more: over torch,
        # transformers and DeepSpeed a full collection takes 0.3 s, and each trial makes some.
        gc.collect()
        gc.freeze()
        self.config = new_config
        return True

    def cleanup(self) -> None:
        """The worker ends."""
        self._close()

    def _close(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.close()
