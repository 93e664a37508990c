"""A real job server runs what `kdray launch --on ray` submits."""

import importlib.util
import sys

import pytest
import yaml

from kdray import results
from tests import world
from tests.cluster import hosts

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


def test_a_job_outlives_its_client_and_is_found_again(small_world, tmp_path):
    if importlib.util.find_spec("aiohttp_cors") is None:
        pytest.skip("Ray's job server is not here: pip install 'kdray[cluster]'")
    if reason := hosts.why_not():
        pytest.skip(reason)
    data = world.sweep_data(small_world, name="small", storage="runs")
    data["trial"]["budget"] = {"steps": 200, "rungs": [50, 200]}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(data))
    said = hosts.run_world(
        "tests.cluster.jobs", str(tmp_path), path=hosts.own_command(tmp_path / "bin", sys.executable)
    )
    assert said.count("submission_id=") == 1
    records = results.read(tmp_path / "runs" / "small")
    assert [record.key for record in records] == [f"t{number:04d}" for number in range(4)]
    assert {record.state for record in records} <= {"complete", "pruned"}
