"""The experiment folder as the thing that is run, watched and stopped. Needs neither Ray nor Optuna.

sweep.yaml     the sweep as resolved
driver0.lock   held by the process that runs it, freed by the system when that process ends; see `drivers`. Behind
               a URI driver.lock, a folder of claims; see `lock`
driver.json    who runs it since when, and how far it was then
fork.json      the folder whose trials this sweep knows too, where it is a fork (see `fork`)
stop           put there by `kdray stop`; the driver ends cleanly when it sees it
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdray import results, storage
from kdray.config import Sweep, as_data
from kdray.errors import ConfigError, DataError
from kdray.experiment import drivers
from kdray.experiment.drivers import Drivers
from kdray.experiment.trial_folder import write_yaml
from kdray.packaged import located
from kdray.report import confirmed
from kdray.results import TrialRecord

MAY_CHANGE = ("search.trials", "search.confirm", "resources.", "storage", "tracking", "keep")
"""Settings that do not change what a trial is: more of them, elsewhere, faster."""


@dataclass(frozen=True)
class Status:
    """How a sweep stands.

    Attributes:
        name: of the sweep.
        drivers: processes that run it now.
        asked: trials it asks for; those that confirm others are among them once the search has ended.
        counts: trials by state.
        running: those that train now (or would go on with a resume).
        steps: at which a trial ends.
        per_hour: trials finished an hour by the process that runs it; None before it can be told.
        left_s: seconds until the end at that speed; None where it is not known.
    """

    name: str
    drivers: int
    asked: int
    counts: Mapping[str, int]
    running: tuple[TrialRecord, ...]
    steps: int
    per_hour: float | None
    left_s: float | None

    @property
    def alive(self) -> bool:
        """Whether anybody runs it."""
        return self.drivers > 0

    @property
    def finished(self) -> int:
        """Trials that ended in any way."""
        return sum(number for state, number in self.counts.items() if state != "running")

    def as_data(self) -> dict[str, Any]:
        """Everything as plain data; of the trials that train, how far they are."""
        running = [{"key": record.key, "step": record.step, "steps": self.steps} for record in self.running]
        return {
            "name": self.name,
            "drivers": self.drivers,
            "asked": self.asked,
            "counts": dict(self.counts),
            "running": running,
            "per_hour": self.per_hour,
            "left_s": self.left_s,
        }


@contextlib.contextmanager
def claim(sweep: Sweep, folder: str | Path, *, resume: bool) -> Iterator[Drivers]:
    """Becomes a driver of the sweep in the folder and writes sweep.yaml and driver.json.

    Yields:
        Which of the sweep's drivers this is.

    Raises:
        ConfigError: there is a sweep already and `resume` is not said, or it differs from this one.
        KdrayError: `resources.drivers` other processes run it.
    """
    with drivers.join(str(folder), sweep.resources.drivers) as own:
        with own.turn():
            _begin(sweep, str(folder), own, resume)
        yield own


def _begin(sweep: Sweep, folder: str, own: Drivers, resume: bool) -> None:
    others = own.others()
    if storage.exists(storage.join(folder, "sweep.yaml")):
        if not resume:
            check_new(folder)
        before = results.read_sweep(folder)
        check_same(before, sweep, folder)
        there = before.resources.drivers
        if others and own.count != there:
            raise ConfigError(
                f"{folder}: resources.drivers: {there} -> {own.count} while it is run by another kdray process: "
                "stop that first"
            )
    write_yaml(storage.join(folder, "sweep.yaml"), sweep)
    if not others:
        storage.delete(storage.join(folder, "stop"))
    who = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time(), "done": _done(folder)}
    storage.write_json(storage.join(folder, "driver.json"), who)


def check_new(folder: str | Path) -> None:
    """Raises `ConfigError` where there is a sweep."""
    if storage.exists(storage.join(folder, "sweep.yaml")):
        raise ConfigError(f"{folder}: there is a sweep already: resume it, or take another name")


def check_same(before: Sweep, now: Sweep, folder: str | Path) -> None:
    """Refuses a sweep whose trials would not be comparable with those there. Raises `ConfigError` with the
    difference.
    """
    changes = differences(as_data(before), as_data(now))
    changes = {path: change for path, change in changes.items() if not path.startswith(MAY_CHANGE)}
    there, here = changes.get("trial.teacher", ("", "-"))
    if located(str(there)) == located(str(here)):  # a packaged teacher by its path, as older sweeps name it
        changes.pop("trial.teacher", None)
    if changes:
        shown = "; ".join(f"{path}: {was} -> {new}" for path, (was, new) in sorted(changes.items())[:5])
        more = f" and {len(changes) - 5} more" if len(changes) > 5 else ""
        raise ConfigError(
            f"{folder}: the sweep differs from the one begun there: {shown}{more}; give it another name"
        )


def differences(before: Any, now: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Dotted path -> (before, now) where two pieces of plain data differ; a missing key shows as '-'."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        changes: dict[str, tuple[Any, Any]] = {}
        for key in dict.fromkeys([*before, *now]):
            below = f"{path}.{key}" if path else str(key)
            changes |= differences(before.get(key, "-"), now.get(key, "-"), below)
        return changes
    return {} if before == now else {path: (before, now)}


def status(folder: str | Path) -> Status:
    """How the sweep in a folder stands, while it runs or not. Raises `DataError` where there is none."""
    sweep, records = results.read_sweep(folder), results.read(folder)
    num_drivers = drivers.alive(str(folder))
    running = tuple(record for record in records if record.state == "running")
    counts: dict[str, int] = dict(Counter(str(record.state) for record in records))
    done, finished = _progress(records, sweep), len(records) - len(running)
    asked, steps = confirmed.asked(records, sweep), sweep.trial.budget.steps
    per_hour = left_s = None
    if num_drivers:
        since = storage.read_json(storage.join(folder, "driver.json"))
        hours = max(time.time() - since["since"], 1e-3) / 3600
        speed = (done - since["done"]) / hours
        per_hour = max(finished - int(since["done"]), 0) / hours
        left_s = 3600 * max(asked - done, 0.0) / speed if speed > 0 else None
    return Status(sweep.name, num_drivers, asked, counts, running, steps, per_hour, left_s)


def stop(folder: str | Path) -> bool:
    """Asks the process that runs a sweep to end cleanly; False where none does. Raises `DataError` without a
    sweep.
    """
    results.read_sweep(folder)
    if not drivers.alive(str(folder)):
        return False
    storage.write_atomic(storage.join(folder, "stop"), "")
    return True


def _done(folder: str) -> float:
    try:
        return _progress(results.read(folder), results.read_sweep(folder))
    except DataError:
        return 0.0


def _progress(records: list[TrialRecord], sweep: Sweep) -> float:
    """Trials done, a running one by the share of its steps."""
    steps = sweep.trial.budget.steps
    return sum(record.step / steps if record.state == "running" else 1.0 for record in records)
