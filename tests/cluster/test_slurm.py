"""A real Slurm runs the script that `kdray launch --on slurm` submits."""

import sys

import pytest
import yaml

from kdray import results
from tests import world
from tests.cluster import hosts, slurm

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


def test_a_job_that_is_requeued_in_mid_sweep_goes_on(small_world, tmp_path):
    if reason := slurm.why_not() or hosts.why_not():
        pytest.skip(reason)
    data = world.sweep_data(small_world, name="batch", storage="runs")
    data["search"]["trials"] = 5
    data["trial"]["budget"] = {"steps": 200, "rungs": [50, 200]}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(data))
    path = hosts.own_command(tmp_path / "bin", sys.executable)
    log = hosts.run_world("tests.cluster.slurm", str(tmp_path), path=path)
    assert "JobState=COMPLETED" in log
    assert "DUE TO JOB REQUEUE" in log
    assert "Restarts=1" in log
    records = results.read(tmp_path / "runs" / "batch")
    assert [record.key for record in records] == [f"t{number:04d}" for number in range(5)]
    assert {record.state for record in records} <= {"complete", "pruned"}
    assert "RAY_AUTH_TOKEN" not in log
