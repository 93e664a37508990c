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
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import ray
from ray import tune

from kdray.config import Resources, Trial
from kdray.errors import KdrayError, StorageError
from kdray.memory import bound_caches
from kdray.search.attempt import Attempt, Order
from kdray.search.link import Unpickled
from kdray.search.run import Run

REPORT = "report"


class Worker(tune.Trainable):  # type: ignore[misc]
    """A Tune worker: trains one trial after another."""

    def setup(self, config: dict[str, Any]) -> None:
        """Keeps the order; the trial itself begins with the first step."""
        self._attempt: Attempt | None = None
        self._peers: Any = None
        logging.getLogger("ray.tune").setLevel(logging.ERROR)
        use_threads(int(config["threads"]))

    def step(self) -> dict[str, Any]:
        """Trains to the next rung. The report is JSON text, for Tune flattens dicts."""
        try:
            if self._attempt is None:
                self._attempt = Attempt(Order.from_json(self.config["order"]), self._open_run())
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

    def _open_run(self) -> Callable[[str, Trial], Run] | None:
        """How a run begins where a trial takes several processes."""
        if self.config["workers"] == 1:
            return None
        from kdray.search.team import Peers, Team

        if self._peers is None:
            self._peers = Peers(
                self.config["workers"] - 1, self.config["cpus"], self.config["gpus"], self.config["threads"]
            )
        return lambda factory, trial: Team(factory, trial, self._peers)

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


def placement(resources: Resources, config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
    """Where a trial may run: a bundle for each worker, on none of the nodes that its order avoids."""
    bundles = [resources.bundle()] * resources.workers
    if not config.get("avoid"):
        return tune.PlacementGroupFactory(bundles)
    elsewhere = {"ray.io/node-id": f"!in({config['avoid']})"}
    return tune.PlacementGroupFactory(bundles, bundle_label_selector=[elsewhere] * resources.workers)


class Stop(Unpickled, tune.Stopper):  # type: ignore[misc]
    """Ends the whole run when an event is set."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Single trials are the scheduler's."""
        return False

    def stop_all(self) -> bool:
        """Whether the run ends."""
        return self._stopped.is_set()


def hand_over_no_secrets() -> None:
    """Keeps the keys of this process out of Ray's logs: Tune would send AWS's to its workers as an environment,
    which Ray writes down on their machines. Workers have what their machine's Ray was started with.
    """
    from ray.tune.execution import class_cache

    sent = class_cache.ENV_VARS_TO_PROPAGATE
    class_cache.ENV_VARS_TO_PROPAGATE = {name for name in sent if not name.startswith("AWS_")}


def use_threads(count: int) -> None:
    """Lets this process compute with `count` threads, whether torch is here already or comes later."""
    bound_caches()  # of a Ray that somebody else started
    os.environ["OMP_NUM_THREADS"] = str(count)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(count)
