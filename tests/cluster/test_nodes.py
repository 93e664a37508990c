"""Sweeps on real Ray nodes, each on a host of its own: see `nodes.py` for what happens to them."""

import pytest

from tests.cluster import hosts

EVENTS = (
    "a_trial_spans_two_hosts_and_one_of_them_dies_while_another_joins",
    "the_network_of_a_worker_is_cut_for_a_minute",
    "head_and_driver_die_and_another_cluster_goes_on",
    "two_sweeps_share_a_cluster",
)

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.mark.parametrize("event", EVENTS)
def test_a_sweep_is_whole_after(event, tmp_path):
    if reason := hosts.why_not():
        pytest.skip(reason)
    hosts.run_world("tests.cluster.nodes", event, str(tmp_path))
