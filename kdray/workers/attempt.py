"""One attempt at a trial, in whatever process: from its last checkpoint to its next rung, again and again.

A rung is safe on disk before anybody hears of it. When the checkpoint is ahead of the study (the driver was
killed before it heard, the journal lost its tail), the attempt begins by reporting those rungs again.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kdray.config import Trial
from kdray.errors import KdrayError, StorageError, TrialFailed
from kdray.experiment.job import Job
from kdray.experiment.trial_folder import TrialFolder
from kdray.log_file import NAME, keeping
from kdray.storage import join
from kdray.workers.runnable import Run

log = logging.getLogger(__name__)


class Attempt:
    """Holds the trial's folder, its log file and its run, until `close`.

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
        self._folder = TrialFolder(experiment, job.key, job.fingerprint)
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(self._folder.owned())
        self._log = self._stack.enter_context(keeping(join(self._folder.location, NAME)))
        try:
            log.info("%s begins in process %d of %s", job.key, os.getpid(), socket.gethostname())
            self._run = open_run(job.trial)
            self._stack.callback(self._run.close)
            self._rungs: list[dict[str, Any]] = []
            self._wall_s = 0.0
            self._restore()
        except BaseException as error:
            if isinstance(error, Exception):
                self._tell(error)
            self._stack.close()
            raise

    def _restore(self) -> None:
        saved = self._folder.saved()
        if saved is not None:
            self._run.load(saved.path)
            self._rungs, self._wall_s = list(saved.rungs), saved.wall_s
            log.info("goes on from step %d", self._rungs[-1]["step"] if self._rungs else 0)
        self._write_decided()

    def _write_decided(self) -> None:
        """Results are of the rungs that the study knows: it may stop the trial at any that it is told of again."""
        self._folder.write_rungs([rung for rung in self._rungs if rung["step"] <= self._decided])

    def next_rung(self) -> dict[str, Any]:
        """The metrics of the next rung that the study does not know, with `wall_s`, the trial's wall time so
        far.

        Raises:
            TrialFailed: an objective is missing or not finite, or the run says so.
        """
        for rung in self._rungs:
            if rung["step"] > self._decided:
                self._decided = rung["step"]
                self._write_decided()
                if self.done:
                    self._export()
                return rung
        try:
            return self._trained()
        except Exception as error:
            self._tell(error)
            raise

    def _trained(self) -> dict[str, Any]:
        """Trains to the next rung and keeps it."""
        begin = time.monotonic()
        metrics = dict(self._run.next_rung())
        self._check(metrics)
        self._wall_s += time.monotonic() - begin
        rung = {**metrics, "wall_s": self._wall_s}
        self._rungs.append(rung)
        self._folder.save(self._run.save, self._rungs, self._wall_s)
        self._decided = rung["step"]
        told = {name: value for name, value in rung.items() if isinstance(value, float)}
        log.info(
            "rung %d: %s", rung["step"], "  ".join(f"{name} {value:.4g}" for name, value in told.items())
        )
        if self.done:
            self._export()
        self._log.flush()
        return rung

    def _tell(self, error: Exception) -> None:
        """Why it ended, for the log file; what is no mistake of the user's with its traceback."""
        if isinstance(error, StorageError):
            self._log.give_up()
        log.error("ended by %s: %s", type(error).__name__, error, exc_info=not isinstance(error, KdrayError))

    def _export(self) -> None:
        """Writes the student at the end; also that of an attempt that was killed before it did."""
        if not self._folder.has_student:
            self._run.export(join(self._folder.location, "student"))
            self._folder.write_cases(getattr(self._run, "worst_cases", ()))
            self._folder.sign_student()

    def _check(self, metrics: Mapping[str, Any]) -> None:
        for name in self._objectives:
            if name not in metrics:
                raise TrialFailed(f"the report at step {metrics.get('step')} has no '{name}'")
            if not isinstance(metrics[name], (int, float)) or not math.isfinite(metrics[name]):
                raise TrialFailed(f"{name} is {metrics[name]} at step {metrics.get('step')}")

    @property
    def done(self) -> bool:
        """Whether the last rung was reached and given."""
        return self._run.done and self._rungs[-1]["step"] <= self._decided

    def close(self) -> None:
        """Frees the run and the folder."""
        self._stack.close()
