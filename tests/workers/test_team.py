"""Trials that take two processes: a placement group each, gloo between them, and nothing left behind."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from kdray import results
from kdray.workers.runner import run
from tests.sweeping.check import check_whole

pytestmark = [pytest.mark.usefixtures("local_ray"), pytest.mark.cluster]

TWO = {"max_concurrent": 1, "workers": 2, "max_failures": 1}


def wait_for_free_cpus() -> None:
    import ray

    deadline = time.monotonic() + 60
    while ray.available_resources().get("CPU", 0) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)


def check_nothing_is_held() -> None:
    import ray
    from ray.util import placement_group_table

    wait_for_free_cpus()
    assert ray.available_resources()["CPU"] == 2
    assert {group["state"] for group in placement_group_table().values()} <= {"REMOVED"}


def test_two_processes_train_each_trial_and_peers_stay_for_the_next(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(4, search={"eta": 2, "trust": -1}, resources=TWO)
    records = run(sweep, tmp_path, trial_factory="tests.sweeping.fake_run:Paired")
    check_whole(sweep, tmp_path)
    assert {record.metrics["size"] for record in records} == {2}
    assert len({record.metrics["pid"] for record in records}) == 1
    assert len({record.metrics["peer"] for record in records}) == 1
    assert all(record.metrics["peer"] != record.metrics["pid"] for record in records)
    check_nothing_is_held()


def test_a_peer_that_dies_costs_a_retry_and_no_resources(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(2, search={"halving": False}, resources=TWO)
    heard: list[Any] = []

    def watch(event: Any) -> None:
        heard.append(event)
        if event.kind == "rung" and event.key == "t0000" and event.detail["step"] == 1:
            os.kill(event.detail["metrics"]["peer"], 9)

    run(sweep, tmp_path, on_event=watch, trial_factory="tests.sweeping.fake_run:Paired")
    check_whole(sweep, tmp_path)
    assert [event.key for event in heard if event.kind == "retried"] == ["t0000"]
    assert {record.state for record in results.read(tmp_path)} == {"complete"}
    check_nothing_is_held()


def test_a_failure_of_one_rank_fails_the_trial_with_its_reason(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(
        3,
        only={"student.heads": [2, 4, 1]},
        search={"halving": False, "sampler": "grid"},
        resources=TWO,
    )
    records = run(sweep, tmp_path, trial_factory="tests.sweeping.fake_run:PairedMisbehaving")
    assert [record.state for record in records] == ["failed", "failed", "complete"]
    assert [record.reason for record in records[:2]] == [
        "the loss is nan at step 1",
        "ValueError: the peer went astray",
    ]
    check_nothing_is_held()


def test_deepspeed_trains_over_gloo_in_two_processes(small_world: Path, tmp_path: Path) -> None:
    from kdray.config import Trial as TrialConfig
    from kdray.config import parse, sweep_from
    from kdray.train import train
    from tests import world

    data = world.sweep_data(small_world, resources=TWO, search={"trials": 2, "eta": 2, "trust": -1})
    data["trial"]["deepspeed"] = {"zero_optimization": {"stage": 1}}
    data["constraints"] = {}
    sweep = sweep_from(data, "test")
    records = run(sweep, tmp_path)
    check_whole(sweep, tmp_path)
    assert records[0].state == "complete"
    assert {record.state for record in records} <= {"complete", "pruned"}
    alone = train(parse(TrialConfig, records[0].trial, "alone"))
    # The same global batches on two ranks: equal but for the means of unequally long halves.
    assert records[0].metrics["train_loss"] == pytest.approx(alone["train_loss"], rel=0.05)
    check_nothing_is_held()
