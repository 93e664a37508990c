"""What follows a sweep from outside: TensorBoard always, MLflow and Weights & Biases by one key in the sweep file.

    <experiment>/tensorboard/<key>/    a run per trial: every number of every rung
    tracking: {mlflow: runs/mlflow}    a folder or a server; MLflow's experiment is the sweep, a run is a trial
    tracking: {wandb: my-project}      the project; WANDB_MODE=offline keeps everything in <experiment>/wandb

The last two go through Ray's own callbacks. Those expect a trial's settings and numbers where Tune has an order
to a worker and a report as text, so `Translated` stands between. A tracker that breaks is told of once and left
alone: a sweep does not end because a server is away. Credentials come from the environment alone.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray.tune.logger import LoggerCallback

from kdray.config import Sweep, flat
from kdray.storage import is_uri
from kdray.workers.link import Link, Unpickled
from kdray.workers.worker import REPORT

log = logging.getLogger(__name__)


@dataclass(eq=False)
class View:
    """A trial as Ray's callbacks expect one.

    Attributes:
        trial_id: Tune's.
        key: `t0007`, shown as its name.
        config: its settings, flat.
        local_path: where a callback may write.
        experiment_dir_name: name of the sweep.
    """

    trial_id: str
    key: str
    config: dict[str, Any]
    local_path: str
    experiment_dir_name: str
    open: bool = field(default=False)

    def __str__(self) -> str:
        """The key."""
        return self.key


class Translated(Unpickled, LoggerCallback):  # type: ignore[misc]
    """Tells another callback of trials and rungs in its own terms.

    Args:
        inner: the callback.
        name: how it is called where it breaks.
        link: knows the keys.
        folder: the experiment folder.
    """

    def __init__(self, inner: Any, name: str, link: Link, folder: Path) -> None:
        self._inner, self._name, self._link, self._folder = inner, name, link, folder
        self._views: dict[str, View] = {}
        self._broken = False

    def setup(self, *args: Any, **kwargs: Any) -> None:
        """Before the first trial."""
        self._try(lambda: self._inner.setup(*args, **kwargs))

    def log_trial_start(self, trial: Any) -> None:
        """A trial starts, or goes on."""
        view = self._view(trial)
        self._try(lambda: self._inner.log_trial_start(view))
        view.open = True

    def log_trial_result(self, iteration: int, trial: Any, result: Mapping[str, Any]) -> None:
        """A rung was reached."""
        metrics = json.loads(result[REPORT]).get("metrics") if REPORT in result else None
        if metrics:
            view = self._view(trial)
            told = numbers(metrics) | {
                "training_iteration": metrics["step"],
                "timesteps_total": metrics["step"],
            }
            self._try(lambda: self._inner.log_trial_result(iteration, view, told))

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        """It ended."""
        view = self._view(trial)
        if view.open:
            self._try(lambda: self._inner.log_trial_end(view, failed))
        view.open = False

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """All ended; some callbacks wait here until they have sent everything."""
        self._try(lambda: self._inner.on_experiment_end(list(self._views.values()), **info))

    def _view(self, trial: Any) -> View:
        if trial.trial_id not in self._views:
            order = json.loads(trial.config["order"])
            local = self._folder / "trials" / order["key"]
            local.mkdir(parents=True, exist_ok=True)  # behind a URI, nobody else makes it
            self._views[trial.trial_id] = View(
                trial_id=trial.trial_id,
                key=self._link.keys.get(trial.trial_id, trial.trial_id),
                config=settings(order["trial"]),
                local_path=str(local),
                experiment_dir_name=self._folder.name,
            )
        return self._views[trial.trial_id]

    def _try(self, act: Callable[[], None]) -> None:
        if self._broken:
            return
        try:
            act()
        except Exception as error:
            self._broken = True
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            log.warning("%s does not work (%s): the sweep goes on without it", self._name, first[:200])


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


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The plain numbers of a rung, and of its intervals as `interval/NAME/low` and `high`."""
    found = {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    for name, ends in (metrics.get("intervals") or {}).items():
        found |= {f"interval/{name}/{end}": float(at) for end, at in zip(("low", "high"), ends, strict=True)}
    return found


def settings(trial: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted path -> value, where there is one."""
    return {path: one for path, one in flat(trial).items() if one is not None and one != {}}


def callbacks(sweep: Sweep, folder: Path, link: Link) -> list[Any]:
    """The callbacks of a sweep, for Tune."""
    found: dict[str, Any] = {"TensorBoard": TensorBoard(folder / "tensorboard")}
    if sweep.tracking.mlflow is not None:
        found["MLflow"] = _mlflow(sweep)
    if sweep.tracking.wandb is not None:
        found["Weights & Biases"] = _wandb(sweep, folder)
    return [Translated(inner, name, link, folder) for name, inner in found.items()]


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
