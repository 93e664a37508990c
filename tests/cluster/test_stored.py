"""Sweeps whose storage goes away or whose disks are full: see `stored.py`."""

import pytest

from tests.cluster import hosts

EVENTS = (
    "storage_is_away_for_thirty_seconds_and_then_every_machine_is_lost",
    "the_disk_of_one_machine_is_full",
)

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.mark.parametrize("event", EVENTS)
def test_a_sweep_is_whole_after(event, small_world, tmp_path):
    if reason := hosts.why_not():
        pytest.skip(reason)
    hosts.run_world("tests.cluster.stored", event, str(tmp_path), str(small_world / "signal"))
