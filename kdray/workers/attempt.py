"""One attempt at a trial, in whatever process: from its last checkpoint to its next rung, again and again.

A rung is safe on disk before anybody hears of it. When the checkpoint is ahead of the study (the driver was
killed before it heard), the attempt begins by reporting that rung again.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kdray.config import Trial
from kdray.errors import TrialFailed
from kdray.experiment.job import Job
from kdray.experiment.trial_folder import TrialFolder
from kdray.storage import join
from kdray.workers.runnable import Run


class Attempt:
    """Holds the trial's folder and its run, until `close`.

    Args:
        job: the trial.
        experiment: the experiment folder, a path or a URI.
        objectives: what each report must hold.
        open_run: starts the run.

    Raises:
        KdrayError: another process holds the folder, or `open_run` says so.
    """

    def __init__(
        self, job: Job, experiment: str, objectives: Sequence[str], open_run: Callable[[Trial], Run]
    ) -> None:
        self._objectives = objectives
        self._decided = job.decided
        self._folder = TrialFolder(experiment, job.key)
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(self._folder.owned())
        try:
            self._run = open_run(job.trial)
            self._stack.callback(self._run.close)
            self._rungs: list[dict[str, Any]] = []
            self._wall_s = 0.0
            self._restore()
        except BaseException:
            self._stack.close()
            raise

    def _restore(self) -> None:
        saved = self._folder.saved()
        if saved is not None:
            self._run.load(saved.path)
            self._rungs, self._wall_s = list(saved.rungs), saved.wall_s
        self._folder.write_rungs(self._rungs)

    def next_rung(self) -> dict[str, Any]:
        """The metrics of the next rung that the study does not know, with `wall_s`, the trial's wall time so
        far.

        Raises:
            TrialFailed: an objective is missing or not finite, or the run says so.
        """
        if self._rungs and self._rungs[-1]["step"] > self._decided:
            self._decided = self._rungs[-1]["step"]
            return self._rungs[-1]
        begin = time.monotonic()
        metrics = dict(self._run.next_rung())
        self._check(metrics)
        self._wall_s += time.monotonic() - begin
        rung = {**metrics, "wall_s": self._wall_s}
        self._rungs.append(rung)
        self._folder.save(self._run.save, self._rungs, self._wall_s)
        if self._run.done:
            self._run.export(join(self._folder.location, "student"))
            self._folder.write_cases(getattr(self._run, "worst_cases", ()))
        self._decided = rung["step"]
        return rung

    def _check(self, metrics: Mapping[str, Any]) -> None:
        for name in self._objectives:
            if name not in metrics:
                raise TrialFailed(f"the report at step {metrics.get('step')} has no '{name}'")
            if not isinstance(metrics[name], (int, float)) or not math.isfinite(metrics[name]):
                raise TrialFailed(f"{name} is {metrics[name]} at step {metrics.get('step')}")

    @property
    def done(self) -> bool:
        """Whether the last rung was reached."""
        return self._run.done

    def close(self) -> None:
        """Frees the run and the folder."""
        self._stack.close()
