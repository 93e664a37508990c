"""Several drivers of one sweep on one study, in turn in this process; `tests/cluster` has real ones."""

from __future__ import annotations

import contextlib
import random
import threading
from pathlib import Path
from typing import Any

import optuna
import pytest

from kdray import results
from kdray.errors import ConfigError, KdrayError
from kdray.experiment import lifecycle
from kdray.experiment.drivers import alone_at
from kdray.experiment.events import Event
from tests.sweeping.check import check_whole
from tests.sweeping.drive import Driver, driving

START = [{"distil.alpha": 0.5, "distil.temperature": 1.0}, {"distil.alpha": 0.0}]
FEW = {
    "distil.alpha": [0.0, 0.25, 0.5, 0.75, 1.0],
    "distil.temperature": [1.0, 2.0],
    "student.hidden": [32, 64],
}
"""A space of twenty points."""


@pytest.fixture
def shared(make_sweep: Any) -> Any:
    """A sweep of four drivers; where its study is said to be is for `storage` to replace."""

    def make(trials: int, drivers: int = 4, url: str = "sqlite://", **more: Any) -> Any:
        search = {"start": START, "eta": 2, "trust": -1, "storage": url, **more.pop("search", {})}
        return make_sweep(trials, search=search, resources={"drivers": drivers}, **more)

    return make


def end_all(drivers: list[Driver], rng: random.Random) -> None:
    """Lets the drivers go on in any order until each of them sees nothing left."""
    while drivers:
        driver = rng.choice(drivers)
        if not driver.step():
            drivers.remove(driver)


@pytest.mark.parametrize("sampler", ["surrogate", "random", "grid"])
def test_four_drivers_train_every_point_of_a_space_once(shared: Any, tmp_path: Path, sampler: str) -> None:
    sweep = shared(20, only=FEW, search={"sampler": sampler})
    storage = optuna.storages.InMemoryStorage()
    heard: list[list[Event]] = [[] for _ in range(4)]
    with contextlib.ExitStack() as stack:
        drivers = [
            stack.enter_context(driving(sweep, tmp_path, storage=storage, on_event=events.append))
            for events in heard
        ]
        assert lifecycle.status(tmp_path).drivers == 4
        end_all(list(drivers), random.Random(0))
        assert all(driver.keys for driver in drivers)
        assert [events[-1].finished for events in heard] == [20] * 4
    check_whole(sweep, tmp_path, storage)


@pytest.mark.parametrize("seed", range(4))
def test_drivers_that_die_and_come_back_at_random_leave_a_whole_sweep(
    shared: Any, tmp_path: Path, seed: int
) -> None:
    sweep, storage, rng = shared(24), optuna.storages.InMemoryStorage(), random.Random(seed)
    stacks: list[contextlib.ExitStack] = []
    drivers: list[Driver] = []
    deaths = 0
    while True:
        if len(drivers) < 4 and rng.random() < 0.4:
            stacks.append(contextlib.ExitStack())
            drivers.append(stacks[-1].enter_context(driving(sweep, tmp_path, storage=storage)))
        elif drivers and rng.random() < 0.15:
            place = rng.randrange(len(drivers))
            drivers.pop(place)
            stacks.pop(place).close()
            deaths += 1
        elif drivers and not rng.choice(drivers).step():
            break
    for stack in stacks:
        stack.close()
    assert deaths > 2
    check_whole(sweep, tmp_path, storage)


def test_a_driver_with_nothing_left_takes_over_what_a_dead_one_left(shared: Any, tmp_path: Path) -> None:
    sweep, storage = shared(4, drivers=2, search={"halving": False}), optuna.storages.InMemoryStorage()
    with driving(sweep, tmp_path, storage=storage) as first:
        with driving(sweep, tmp_path, storage=storage) as second:
            second.step()
            first.step()
            left = {"t0000", "t0001"} & second.keys
            while not first.coordinator.idle:
                first.step()
            assert not first.coordinator.done
            assert {"t0000", "t0001"} - first.keys == left == {"t0000", "t0001"}
        while first.step():
            pass
    assert first.keys == {f"t{number:04d}" for number in range(4)}
    check_whole(sweep, tmp_path, storage)


def test_a_driver_alone_goes_on_with_what_four_left(shared: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    sweep = shared(8, url=url, search={"halving": False})
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(driving(sweep, tmp_path)).step()
    alone = shared(8, drivers=1, url=url, search={"halving": False})
    with driving(alone, tmp_path) as driver:
        while driver.step():
            pass
    assert len(driver.keys) == 8
    check_whole(alone, tmp_path, url)


def test_every_driver_hears_of_the_others_trials(shared: Any, tmp_path: Path) -> None:
    sweep, storage, heard = shared(4, drivers=2), optuna.storages.InMemoryStorage(), []
    with (
        driving(sweep, tmp_path, storage=storage, on_event=heard.append) as first,
        driving(sweep, tmp_path, storage=storage) as second,
    ):
        end_all([first, second], random.Random(0))
    ended = {event.key: event for event in heard if event.kind in ("complete", "pruned", "failed")}
    assert len(ended) == 4 and second.keys
    assert {event.key for event in heard if event.kind == "started"} == set(ended)
    for record in results.read(tmp_path):
        assert ended[record.key].detail["metrics"]["step"] == record.metrics["step"]
        assert ended[record.key].detail.get("reason", "") == record.reason


def test_a_driver_waits_while_another_one_captures(tmp_path: Path) -> None:
    said: list[str] = []
    with contextlib.ExitStack() as first:
        first.enter_context(alone_at("capture", str(tmp_path / "sweep"), 2, said.append))
        assert not said
        release = threading.Timer(0.2, first.close)
        release.start()
        with alone_at("capture", str(tmp_path / "sweep"), 2, said.append):
            release.join()
    assert said == ["capture   another driver of the sweep is at it: waiting"]


def test_there_are_no_more_drivers_than_asked_for(
    shared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kdray.experiment.drivers.LOCK_WAIT_S", 0.0)
    sweep = shared(4, drivers=2)
    with (
        lifecycle.claim(sweep, tmp_path, resume=True) as first,
        lifecycle.claim(sweep, tmp_path, resume=True) as second,
    ):
        assert (first.number, second.number) == (0, 1)
        with (
            pytest.raises(KdrayError, match="in use by another kdray process"),
            lifecycle.claim(sweep, tmp_path, resume=True),
        ):
            pass


def test_a_driver_that_thinks_it_is_alone_is_refused_beside_others(
    shared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kdray.experiment.drivers.LOCK_WAIT_S", 0.0)
    alone, several = shared(4, drivers=1), shared(4, drivers=3)
    for there, here in ((alone, several), (several, alone)):
        with (
            lifecycle.claim(there, tmp_path, resume=True),
            pytest.raises((ConfigError, KdrayError), match=r"resources.drivers: \d -> \d|in use by another"),
            lifecycle.claim(here, tmp_path, resume=True),
        ):
            pass


def test_a_stop_is_for_all_drivers_and_not_forgotten_by_one_that_joins(shared: Any, tmp_path: Path) -> None:
    sweep = shared(4)
    with lifecycle.claim(sweep, tmp_path, resume=True):
        assert lifecycle.stop(tmp_path)
        with lifecycle.claim(sweep, tmp_path, resume=True):
            assert (tmp_path / "stop").exists()
    with lifecycle.claim(sweep, tmp_path, resume=True):
        assert not (tmp_path / "stop").exists()
