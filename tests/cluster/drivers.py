"""Four drivers of one sweep on a PostgreSQL and a cluster of two hosts.

python -m tests.cluster.drivers EVENT FOLDER TRIALS
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from optuna import load_study

from kdray import results
from kdray.config import Sweep
from kdray.experiment import lifecycle
from kdray.experiment.study import driver_of
from kdray.experiment.study_storage import open_storage
from tests.cluster import postgres
from tests.cluster.hosts import until
from tests.cluster.nodes import Cluster
from tests.sweeping.check import check_whole

DRIVERS = 4


class Crew:
    """The drivers. They may train two trials each, twice as many as the cluster has room for."""

    def __init__(self, cluster: Cluster, url: str, trials: int) -> None:
        self._cluster = cluster
        self.sweep = cluster.sweep(
            workers=1, concurrent=2, trials=trials, rungs=(1, 2, 4), drivers=DRIVERS,
            search={"storage": url, "halving": True, "eta": 2, "trust": -1},
        )  # fmt: skip
        self.folder = cluster.folder / self.sweep.name
        self.processes = [self.start() for _ in range(DRIVERS)]

    def start(self) -> subprocess.Popen[bytes]:
        """One more driver."""
        return self._cluster.drive(self.sweep, "FakeRun")

    def end(self) -> None:
        """Waits for all; then everything must be whole, every driver have done something, and nobody left."""
        for process in self.processes:
            assert process.wait(timeout=300) == 0, self._cluster.log(self.sweep)
        storage = open_storage(self.sweep, self.folder)
        check_whole(self.sweep, self.folder, storage)
        trials = load_study(study_name=self.sweep.name, storage=storage).trials
        assert {driver_of(trial) for trial in trials} == set(range(DRIVERS))
        assert lifecycle.status(self.folder).drivers == 0
        until(lambda: not self._cluster.busy(), "no process of a trial is left", 60)
        written = [path for path in self._cluster.folder.rglob("*") if path.is_file()]
        assert not [path for path in written if os.environ[postgres.PASSWORD].encode() in path.read_bytes()]


def four_drivers_go_to_the_end(crew: Crew) -> None:
    """All of them begin at the same time, on a database without tables."""


def one_of_four_drivers_is_killed_and_comes_back(crew: Crew) -> None:
    until(lambda: ended(crew.sweep, crew.folder) >= 4, "some trials end")
    victim = crew.processes.pop(2)
    [inside] = Path(f"/proc/{victim.pid}/task/{victim.pid}/children").read_text().split()
    os.kill(int(inside), signal.SIGKILL)
    assert victim.wait(timeout=60) != 0
    assert ended(crew.sweep, crew.folder) < crew.sweep.search.trials
    crew.processes.append(crew.start())


def ended(sweep: Sweep, folder: Path) -> int:
    """Trials that are over."""
    there = (folder / "sweep.yaml").exists()
    return sum(record.state != "running" for record in results.read(folder)) if there else 0


if __name__ == "__main__":
    with postgres.server() as address:
        event, trials = sys.argv[1], int(sys.argv[3])
        everybody = Crew(Cluster(Path(sys.argv[2]), workers=2, cpus=2, step_s=0.2), address, trials)
        globals()[event](everybody)
        everybody.end()
