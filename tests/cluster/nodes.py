"""What may happen to a cluster while a sweep runs: python -m tests.cluster.nodes EVENT FOLDER, inside a world.

Each event is a function of a `Cluster`; afterwards the sweep must be whole, and nothing may be left over.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from kdray import results
from kdray.config import Sweep, sweep_from
from kdray.storage import exists, join
from tests.cluster.hosts import Host, switch, until
from tests.sweeping.check import check_whole, trials_of


class Cluster:
    """A head that computes nothing, workers with one core each, and sweeps driven from the head."""

    def __init__(self, folder: Path, workers: int = 3, cpus: int = 1, step_s: float = 0.5) -> None:
        self.folder, self.cpus, self.step_s = folder, cpus, step_s
        switch(folder)
        self.prepare()
        self.hosts: list[Host] = []
        self.begin(workers)

    def prepare(self) -> None:
        """Makes what is there before the hosts."""

    def begin(self, workers: int) -> None:
        """A head and workers, on hosts of their own."""
        self.head = self._host(None, cpus=0)
        until(lambda: ":6379" in self.head.run("ss -ltn"), "a head that listens")
        self.workers = [self.join() for _ in range(workers)]

    def join(self, accelerator: str = "") -> Host:
        """One more worker."""
        return self._host(self.head, self.cpus, accelerator)

    def _host(self, head: Host | None, cpus: int, accelerator: str = "") -> Host:
        host = Host(len(self.hosts) + 1)
        self.hosts.append(host)
        log, more = (
            self.folder / f"ray{host.number}.log",
            {**self.furnish(host), "FAKE_STEP_S": str(self.step_s)},
        )
        host.start_ray(log, head, cpus, accelerator, **more)
        return host

    def furnish(self, host: Host) -> Mapping[str, str]:
        """Makes what else a host has; the environment of its processes."""
        return {}

    @property
    def storage(self) -> str:
        """Where experiments are, a path or a URI."""
        return str(self.folder)

    def sweep(
        self,
        name: str = "small",
        workers: int = 2,
        concurrent: int = 1,
        trials: int = 6,
        rungs: Sequence[int] = (1, 2, 4, 8),
        drivers: int = 1,
        accelerator: str | None = None,
        shards: str = "a",
        search: Mapping[str, Any] | None = None,
    ) -> Sweep:
        """Trials of `workers` processes: they span hosts where a host has one core."""
        student = {"encoder_layers": 1, "decoder_layers": 1, "hidden": 64, "heads": 1, "feed_forward": 64}
        data = {
            "name": name,
            "storage": self.storage,
            "trial": {
                "shards": shards,
                "suite": "b",
                "student": {"family": "t5", **student},
                "budget": {"steps": rungs[-1], "rungs": list(rungs)},
            },
            "space": {
                "distil.alpha": {"range": [0.0, 1.0]},
                "distil.temperature": {"range": [0.5, 8.0], "log": True},
            },
            "search": {
                "trials": trials,
                "start": [{"distil.alpha": 0.0}],
                "halving": False,
                **(search or {}),
            },
            "resources": {
                "workers": workers,
                "max_concurrent": concurrent,
                "max_failures": 5,
                "drivers": drivers,
                "accelerator_type": accelerator,
            },
        }
        (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(data))
        return sweep_from(data, "test")

    def drive(self, sweep: Sweep, factory: str) -> subprocess.Popen[bytes]:
        """Runs a sweep from the head."""
        return self.head.start(
            sys.executable, "-m", "tests.cluster.drive", f"{self.folder}/{sweep.name}.yaml",
            f"{self.head.address}:6379", f"tests.sweeping.fake_run:{factory}",
            log=self.folder / f"{sweep.name}.log",
        )  # fmt: skip

    def log(self, sweep: Sweep) -> str:
        """The end of what its drivers said."""
        return (self.folder / f"{sweep.name}.log").read_text()[-6000:]

    def rungs(self, name: str = "small") -> list[tuple[str, int]]:
        """Trial and step of all results."""
        place = join(self.storage, name)
        if not exists(join(place, "trials")):
            return []
        return [(record.key, int(rung["step"])) for record in results.read(place) for rung in record.rungs]

    def busy(self) -> list[Host]:
        """Workers on which a trial computes."""
        return [host for host in self.workers if any("Trainable" in line for line in host.processes())]

    def copy(self, sweep: Sweep) -> Path:
        """The experiment as a folder."""
        return self.folder / sweep.name

    def end(self, driver: subprocess.Popen[bytes], sweep: Sweep, seconds: float = 200) -> None:
        """Waits for the driver; then everything must be whole and nobody left."""
        assert driver.wait(timeout=seconds) == 0, self.log(sweep)
        folder = self.copy(sweep)
        check_whole(sweep, folder)
        states = [trial.state.name for trial in trials_of(folder, sweep.name)]
        assert states == ["COMPLETE"] * sweep.search.trials, states
        until(lambda: not self.busy(), "no process of a trial is left", 30)
        groups = self.head.run(
            f"{sys.executable} -c \"import ray; ray.init('{self.head.address}:6379', log_to_driver=False);"
            "from ray.util import placement_group_table as t;"
            "print('left', [g for g in t().values() if g['state'] != 'REMOVED'])\" 2>/dev/null"
        )
        assert "left []" in groups.splitlines(), groups  # Ray may say something of its own beside it


def a_trial_spans_two_hosts_and_one_of_them_dies_while_another_joins(cluster: Cluster) -> None:
    sweep = cluster.sweep()
    driver = cluster.drive(sweep, "Paired")
    until(lambda: len(cluster.rungs()) >= 2, "two rungs")
    [lost, *_] = until(cluster.busy, "a host computes")
    cluster.workers.remove(lost)
    lost.kill()
    cluster.workers.append(cluster.join())
    cluster.end(driver, sweep)


def the_network_of_a_worker_is_cut_for_a_minute(cluster: Cluster) -> None:
    sweep = cluster.sweep()
    driver = cluster.drive(sweep, "Paired")
    until(lambda: len(cluster.rungs()) >= 2, "two rungs")
    [lost, *_] = until(cluster.busy, "a host computes")
    lost.cable(up=False)
    time.sleep(60)
    lost.cable(up=True)
    cluster.end(driver, sweep)
    until(lambda: not any("ray::" in line for line in lost.processes()), lost.processes, 60)


def head_and_driver_die_and_another_cluster_goes_on(cluster: Cluster) -> None:
    sweep = cluster.sweep()
    cluster.drive(sweep, "Paired")
    until(lambda: len(cluster.rungs()) >= 5, "five rungs")
    before = cluster.rungs()
    for host in (cluster.head, *cluster.workers):
        host.kill()
    cluster.begin(2)
    cluster.end(cluster.drive(sweep, "Paired"), sweep)
    assert set(before) <= set(cluster.rungs())


def two_sweeps_share_a_cluster(cluster: Cluster) -> None:
    special = cluster.join(accelerator="A10G")
    one, two = cluster.sweep("one", workers=1, accelerator="A10G"), cluster.sweep("two", workers=2)
    drivers = cluster.drive(one, "Located"), cluster.drive(two, "Paired")
    assert drivers[0].wait(timeout=200) == 0
    cluster.end(drivers[1], two)
    cluster.end(drivers[0], one)
    assert {record.metrics["host"] for record in results.read(cluster.folder / "one")} == {special.name}


if __name__ == "__main__":
    globals()[sys.argv[1]](Cluster(Path(sys.argv[2])))
