"""What may happen to storage and disks while a sweep runs: python -m tests.cluster.stored EVENT FOLDER SHARDS

As `nodes`, but the hosts share no folder: shards are behind a real S3 API on the switch, and each host's cache and
temporary files lie on a disk of its own.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from kdray.config import Sweep
from kdray.storage import join, list_files, upload
from tests.cluster.hosts import NETWORK, Host, until
from tests.cluster.nodes import Cluster
from tests.s3 import BUCKET, Endpoint
from tests.sweeping.check import fetched

AWAY_S = 30
SHARDS = f"s3://{BUCKET}/signal"


class Stored(Cluster):
    """A cluster beside a bucket."""

    def __init__(self, folder: Path, shards: Path, in_bucket: bool) -> None:
        self._shards, self._in_bucket, self._copies = shards, in_bucket, 0
        self._disk = folder / "disk"
        self._disk.mkdir()
        self._open = contextlib.ExitStack()  # for as long as this world lasts
        super().__init__(folder, workers=2)

    def prepare(self) -> None:
        """See `Cluster`."""
        self.endpoint = self._open.enter_context(Endpoint.started(f"{NETWORK}.254"))
        os.environ.update(self.endpoint.environment)
        upload(self._shards, SHARDS)

    @property
    def storage(self) -> str:
        """See `Cluster`."""
        return f"s3://{BUCKET}/runs" if self._in_bucket else super().storage

    def furnish(self, host: Host) -> Mapping[str, str]:
        """A disk, on which cache and temporary files are."""
        passing, cache = self._disk / "passing", self._disk / "cache"
        host.run(f"mount -t tmpfs -o size=8m none {self._disk}; mkdir {passing} {cache}")
        # Ray itself stays where it was: without a place for its logs it does not even start.
        return {"TMPDIR": str(passing), "KDRAY_CACHE": str(cache), "RAY_TMPDIR": str(Path("/tmp/ray").parent)}  # noqa: S108

    def fill_disk(self, host: Host) -> None:
        """Leaves nothing of it."""
        host.run(f"cat /dev/zero > {self._disk}/ballast 2>/dev/null || true")

    def copy(self, sweep: Sweep) -> Path:
        """See `Cluster`."""
        if not self._in_bucket:
            return super().copy(sweep)
        self._copies += 1
        return fetched(join(self.storage, sweep.name), self.folder / f"copy{self._copies}")


def storage_is_away_for_thirty_seconds_and_then_every_machine_is_lost(folder: Path, shards: Path) -> None:
    cluster = Stored(folder, shards, in_bucket=True)
    sweep = cluster.sweep(trials=3, shards=SHARDS)
    driver = cluster.drive(sweep, "ReadingPaired")
    until(lambda: len(cluster.rungs()) >= 2, lambda: cluster.log(sweep))
    cluster.endpoint.away = True
    time.sleep(AWAY_S)
    assert driver.poll() is None, cluster.log(sweep)
    cluster.endpoint.away = False
    until(lambda: len(cluster.rungs()) >= 6, lambda: cluster.log(sweep))
    assert cluster.endpoint.failed > 0
    before = cluster.rungs()
    for host in (cluster.head, *cluster.workers):
        host.kill()
    cluster.begin(2)
    cluster.end(cluster.drive(sweep, "ReadingPaired"), sweep)
    assert set(before) <= set(cluster.rungs())
    assert list_files(join(cluster.storage, sweep.name, "driver.lock")) == []


def the_disk_of_one_machine_is_full(folder: Path, shards: Path) -> None:
    cluster = Stored(folder, shards, in_bucket=False)
    full = cluster.workers[0]
    cluster.fill_disk(full)
    sweep = cluster.sweep(workers=1, concurrent=2, trials=6, shards=SHARDS)
    cluster.end(cluster.drive(sweep, "Reading"), sweep)
    log = cluster.log(sweep)
    assert f"disk/cache: no space left on this disk of {full.name}: make room" in log, log


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
