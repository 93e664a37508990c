"""Four drivers share one sweep on a real PostgreSQL: see `drivers.py` for what happens to them."""

import pytest

from tests.cluster import hosts, postgres

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    ("event", "trials"),
    [("four_drivers_go_to_the_end", 20), ("one_of_four_drivers_is_killed_and_comes_back", 32)],
)
def test_a_sweep_of_four_drivers_is_whole_after(event, trials, tmp_path):
    if reason := postgres.why_not() or hosts.why_not():
        pytest.skip(reason)
    hosts.run_world("tests.cluster.drivers", event, str(tmp_path), str(trials))
