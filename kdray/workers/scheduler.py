"""The Tune scheduler: hands every report to the conductor and does what it says."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from ray import cloudpickle
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from kdray.workers.link import Link, Unpickled
from kdray.workers.worker import REPORT


class HalvingScheduler(Unpickled, FIFOScheduler):  # type: ignore[misc]
    """First in, first out; a report decides whether its trial goes on. Metrics are the conductor's, so Tune
    knows of none.
    """

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """A rung was reached, and it was not the last."""
        with self._link.guard():
            metrics = json.loads(result[REPORT])["metrics"]
            if self._link.conductor.report(self._link.keys[trial.trial_id], metrics["step"], metrics):
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
