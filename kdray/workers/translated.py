"""What stands between Tune and Ray's callbacks: those expect a trial's settings and numbers, where Tune has a job
for a worker and a report as text.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ray.tune.logger import LoggerCallback

from kdray.config import as_data, flat
from kdray.experiment.job import Job
from kdray.workers.tune_adapter import Link, Unpickled
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
        """A rung was reached; before it the losses on the way there, each at its step."""
        metrics = json.loads(result[REPORT]).get("metrics") if REPORT in result else None
        if metrics:
            view = self._view(trial)
            for step, loss in metrics.get("loss_curve", ()):
                point = {"loss": loss, "training_iteration": step, "timesteps_total": step}
                self._try(partial(self._inner.log_trial_result, iteration, view, point))
            step = metrics["step"]
            told = numbers(metrics) | {"training_iteration": step, "timesteps_total": step}
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
            job = Job.from_json(trial.config["job"])
            local = self._folder / "trials" / job.key
            local.mkdir(parents=True, exist_ok=True)  # behind a URI, nobody else makes it
            self._views[trial.trial_id] = View(
                trial_id=trial.trial_id,
                key=self._link.keys.get(trial.trial_id, trial.trial_id),
                config=settings(as_data(job.trial)),
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


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The plain numbers of a rung, and of its intervals as `interval/NAME/low` and `high`."""
    plain = {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    for name, ends in (metrics.get("intervals") or {}).items():
        plain |= {f"interval/{name}/{end}": float(at) for end, at in zip(("low", "high"), ends, strict=True)}
    return plain


def settings(trial: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted path -> value, where there is one."""
    return {path: value for path, value in flat(trial).items() if value is not None and value != {}}
