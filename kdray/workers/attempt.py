"""One attempt at a trial, in whatever process: from its last checkpoint to its next rung, again and again.

A rung is safe on disk before anybody hears of it. When the checkpoint is ahead of the study (the driver was
killed before it heard), the attempt begins by reporting that rung again.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kdray.config import Trial, as_data, parse
from kdray.errors import TrialFailed
from kdray.experiment.trial_folder import TrialFolder
from kdray.storage import join
from kdray.workers.runnable import Carried, Run, load_factory


@dataclass(frozen=True)
class Order:
    """A job as plain data, to be sent to a worker.

    Attributes:
        key: of the trial.
        experiment: the experiment folder.
        trial: the trial as plain data.
        objectives: what each report must hold.
        decided: the last rung that the study knows of.
        factory: `module:Class` of the `Run`, made from a `Trial`.
    """

    key: str
    experiment: str
    trial: Mapping[str, Any]
    objectives: Sequence[str]
    decided: int
    factory: str

    def to_json(self) -> str:
        """As text: Tune looks into dicts and would see things in them."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Order:
        """The order behind `to_json`."""
        return cls(**json.loads(text))


def order(
    key: str, trial: Trial, *, experiment: str, objectives: Sequence[str], decided: int, factory: str
) -> Order:
    """The order for a trial."""
    return Order(key, experiment, as_data(trial), list(objectives), decided, factory)


class Attempt:
    """Holds the trial's folder and its run, until `close`.

    Raises:
        KdrayError: another process holds the folder, or the factory is not there.
    """

    def __init__(self, order: Order, open_run: Callable[[str, Trial], Run] | None = None) -> None:
        """`open_run(factory, trial)` starts the run; without it the factory makes one in this process."""
        open_run = open_run or (lambda factory, trial: Carried(load_factory(factory)(trial)))
        self._order = order
        self._folder = TrialFolder(order.experiment, order.key)
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(self._folder.owned())
        try:
            self._run: Run = open_run(order.factory, parse(Trial, dict(order.trial), order.key))
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
        if self._rungs and self._rungs[-1]["step"] > self._order.decided:
            self._order = Order(**{**asdict(self._order), "decided": self._rungs[-1]["step"]})
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
        self._order = Order(**{**asdict(self._order), "decided": rung["step"]})
        return rung

    def _check(self, metrics: Mapping[str, Any]) -> None:
        for name in self._order.objectives:
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
