"""What follows a sweep from outside: TensorBoard always, MLflow and Weights & Biases by one key in the sweep file.

    <experiment>/tensorboard/<key>/    a run per trial: every number of every rung
    tracking: {mlflow: runs/mlflow}    a folder or a server; MLflow's experiment is the sweep, a run is a trial
    tracking: {wandb: my-project}      the project; WANDB_MODE=offline keeps everything in <experiment>/wandb

The last two go through Ray's own callbacks (see `translated`). A tracker that breaks is told of once and left
alone: a sweep does not end because a server is away. Credentials come from the environment alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray.tune.logger import LoggerCallback

from kdray.config import Sweep
from kdray.storage import is_uri
from kdray.workers.translated import Translated, View
from kdray.workers.tune_adapter import Link


class TensorBoard(LoggerCallback):  # type: ignore[misc]
    """A run per trial; Ray's own writes into a folder that is gone at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def log_trial_start(self, trial: View) -> None:
        """Opens the run."""
        from tensorboardX import SummaryWriter

        writer = SummaryWriter(logdir=str(self._folder / trial.key), flush_secs=5)
        settings = "\n".join(f"    {path}: {value}" for path, value in trial.config.items())
        writer.add_text("settings", settings, 0)
        self._writers[trial.key] = writer

    def log_trial_result(self, iteration: int, trial: View, result: Mapping[str, float]) -> None:
        """Writes a rung."""
        writer = self._writers[trial.key]
        for name, value in result.items():
            if name not in ("training_iteration", "timesteps_total", "step"):
                writer.add_scalar(name, value, int(result["timesteps_total"]))
        writer.flush()

    def log_trial_end(self, trial: View, failed: bool = False) -> None:
        """Closes it."""
        self._writers.pop(trial.key).close()


def callbacks(sweep: Sweep, folder: Path, link: Link) -> list[Any]:
    """The callbacks of a sweep, for Tune."""
    trackers: dict[str, Any] = {"TensorBoard": TensorBoard(folder / "tensorboard")}
    if sweep.tracking.mlflow is not None:
        trackers["MLflow"] = _mlflow(sweep)
    if sweep.tracking.wandb is not None:
        trackers["Weights & Biases"] = _wandb(sweep, folder)
    return [Translated(tracker, name, link, folder) for name, tracker in trackers.items()]


def _mlflow(sweep: Sweep) -> Any:
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    uri = str(sweep.tracking.mlflow)
    if not is_uri(uri) and ":" not in uri:
        # MLflow 3 calls a store in plain files out of date, and wants to be told that it is meant.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        uri = Path(uri).absolute().as_uri()
    return MLflowLoggerCallback(tracking_uri=uri, experiment_name=sweep.name, tags={"sweep": sweep.name})


def _wandb(sweep: Sweep, folder: Path) -> Any:
    from ray.air.integrations.wandb import WANDB_ENV_VAR, WandbLoggerCallback

    class KeyUntold(WandbLoggerCallback):  # type: ignore[misc]
        """Does not hand the key to its process as an environment, which Ray would write into a log: the process
        has it from the environment that Ray was started in, or from `wandb login`.
        """

        def _start_logging_actor(self, *args: Any, **kwargs: Any) -> None:
            key = os.environ.pop(WANDB_ENV_VAR, None)
            try:
                super()._start_logging_actor(*args, **kwargs)
            finally:
                if key is not None:
                    os.environ[WANDB_ENV_VAR] = key

    where = folder / "wandb"
    where.mkdir(parents=True, exist_ok=True)
    return KeyUntold(project=sweep.tracking.wandb, group=sweep.name, dir=str(where))
