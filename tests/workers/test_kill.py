"""Real drivers on a real Ray of their own, killed as the system kills: no handler runs, no file is closed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from optuna.trial import TrialState

from kdray import results
from kdray.experiment import lifecycle
from tests.sweeping.check import check_whole, trials_of
from tests.sweeping.kill_driver import the_sweep

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for left processes in /proc"),
    pytest.mark.timeout(900),  # several drivers, each with a Ray of its own, on a busy machine
]


class Driver:
    """A sweep in a process of its own, in a session of its own, marked in its environment."""

    started: ClassVar[list[Driver]] = []

    def __init__(self, *args: object, script: str = "kill_driver") -> None:
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"tests.sweeping.{script}", *map(str, args)],
            env={**os.environ, "KDRAY_TEST_MARK": self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        Driver.started.append(self)

    def wait_for(self, kind: str) -> str:
        """The first line of this kind."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(kind):
                return line
        raise AssertionError(f"ended without '{kind}': {self.end()}")

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def end(self) -> tuple[int, str]:
        """Exit code and log."""
        _, log = self.process.communicate(timeout=120)
        return self.process.returncode, log

    def left(self) -> list[int]:
        """Processes that this one started and that live."""
        pids = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (entry / "environ").read_bytes():
                    pids.append(int(entry.name))
            except OSError:
                continue
        return pids


@pytest.fixture(autouse=True)
def no_driver_outlives_its_test() -> Iterator[None]:
    """A test that fails leaves no process that works, and no pipe that is open, to the next one."""
    yield
    while Driver.started:
        driver = Driver.started.pop()
        if driver.process.returncode is None:
            driver.kill()
            for pid in driver.left():
                os.kill(pid, signal.SIGKILL)


def kill_until_done(folder: Path, trials: int, kills: int, seed: int) -> int:
    """Kills a sweep at random moments of its life, then lets it end; how many drivers died."""
    rng = random.Random(seed)
    died = 0
    for _ in range(kills):
        driver = Driver(folder, trials)
        try:
            driver.process.wait(timeout=rng.uniform(1.0, 9.0))
        except subprocess.TimeoutExpired:
            died += 1
        driver.kill()
    last = Driver(folder, trials)
    code, log = last.end()
    assert code == 0, log
    return died


def test_a_sweep_killed_at_random_moments_ends_whole_and_leaves_no_process(tmp_path: Path) -> None:
    first = Driver(tmp_path, 30)
    first.wait_for("rung")
    first.kill()
    died = kill_until_done(tmp_path, 30, kills=14, seed=0)
    check_whole(the_sweep(30), tmp_path)
    assert died >= 10
    deadline = time.monotonic() + 120
    while (
        first.left() and time.monotonic() < deadline
    ):  # Ray's agents take a minute to see that they are alone
        time.sleep(0.2)
    assert first.left() == []


def test_a_killed_worker_is_replaced_and_its_trial_goes_on_from_its_rung(tmp_path: Path) -> None:
    driver = Driver(tmp_path, 3)
    key = driver.wait_for("rung").split()[1]
    record = next(record for record in results.read(tmp_path) if record.key == key)
    os.kill(record.metrics["pid"], signal.SIGKILL)
    assert driver.wait_for("retried").split()[1] == key
    assert driver.wait_for(f"started {key}").split()[2:] != ["0"]
    code, log = driver.end()
    assert code == 0, log
    check_whole(the_sweep(3), tmp_path)


def test_a_trial_on_a_killed_node_goes_on_elsewhere_from_its_rung(tmp_path: Path) -> None:
    driver = Driver(tmp_path, script="kill_node")
    key = driver.wait_for("doomed").split()[1]
    assert driver.wait_for("retried").split()[1] == key
    assert driver.wait_for(f"started {key}").split()[2:] in (["1"], ["3"])
    code, log = driver.end()
    assert code == 0, log
    check_whole(the_sweep(4, halving=False), tmp_path)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_cleanly_and_says_how_to_resume(tmp_path: Path, how: signal.Signals) -> None:
    driver = Driver(tmp_path, 6)
    driver.wait_for("rung")
    driver.process.send_signal(how)
    code, log = driver.end()
    assert code == 130
    assert "`kdray resume small` goes on" in log
    assert TrialState.RUNNING not in {trial.state for trial in trials_of(tmp_path)}
    assert not lifecycle.status(tmp_path).alive
