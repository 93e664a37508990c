"""Sweeps on a real Ray; all but the last tests share one."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from kdray import results
from kdray.config import Resources
from kdray.errors import ConfigError, StorageError
from kdray.experiment import lifecycle
from kdray.workers import ray_session
from kdray.workers.runner import run
from kdray.workers.tune_adapter import HalvingScheduler
from tests.sweeping.check import check_whole, trials_of

pytestmark = pytest.mark.usefixtures("local_ray")

STARTS = [{"distil.alpha": 0.5, "distil.temperature": 1.0}, {"distil.alpha": 0.0}]


def test_a_sweep_on_ray_ends_whole_and_reuses_its_workers(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(10, search={"start": STARTS, "eta": 2, "trust": -1})
    records = run(sweep, tmp_path, trial_factory="tests.sweeping.fake_run:FakeRun")
    check_whole(sweep, tmp_path)
    assert [record.key for record in records] == [f"t{n:04d}" for n in range(10)]
    pids = {record.metrics["pid"] for record in records}
    assert len(pids) <= 2
    assert not list(tmp_path.glob(".tune*"))


@pytest.mark.slow
def test_trials_that_end_together_keep_their_workers(make_sweep: Any, tmp_path: Path) -> None:
    six = {"max_concurrent": 6, "cpus_per_worker": 0.25}
    sweep = make_sweep(18, search={"halving": False, "sampler": "random"}, resources=six)
    records = run(sweep, tmp_path, trial_factory="tests.sweeping.fake_run:Slow")
    pids = [record.metrics["pid"] for record in records]
    assert 2 <= len(set(pids)) <= 6
    assert len(set(pids[-9:])) > 1


@pytest.mark.slow
def test_an_extended_sweep_only_trains_what_is_missing(make_sweep: Any, tmp_path: Path) -> None:
    run(make_sweep(2, search={"start": STARTS}), tmp_path, trial_factory="tests.sweeping.fake_run:FakeRun")
    before = (tmp_path / "trials" / "t0001" / "state.json").stat().st_mtime_ns
    longer = make_sweep(4, search={"start": STARTS})
    run(longer, tmp_path, resume=True, trial_factory="tests.sweeping.fake_run:FakeRun")
    check_whole(longer, tmp_path)
    assert (tmp_path / "trials" / "t0001" / "state.json").stat().st_mtime_ns == before


def test_a_finished_sweep_is_returned_without_training(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(2)
    run(sweep, tmp_path, trial_factory="tests.sweeping.fake_run:FakeRun")
    heard: list[Any] = []
    assert len(run(sweep, tmp_path, resume=True, on_event=heard.append)) == 2
    assert heard == []


def test_every_way_to_fail_has_its_reason_and_the_sweep_goes_on(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(
        7,
        only={"student.heads": [1, 2, 3, 4, 5, 6, 7]},
        search={"halving": False, "sampler": "grid"},
        resources={"max_concurrent": 2, "max_failures": 1},
    )
    heard: list[Any] = []
    records = run(sweep, tmp_path, on_event=heard.append, trial_factory="tests.sweeping.fake_run:Misbehaving")
    check_whole(sweep, tmp_path)
    reasons = [record.reason for record in records]
    assert reasons[:5] == [
        "",
        "assertion_accuracy is nan at step 3",
        "the report at step 3 has no 'metamorphic_discrepancy'",
        "ValueError: the student went missing",
        "MemoryError: no room for 12 GB",
    ]
    assert "the worker was lost" in reasons[5] and "(tried 2 times)" in reasons[5]
    assert reasons[6] == "the loss is nan at step 2"
    # The trial whose process died went on from the rung it had reached.
    started = [e.detail["resumed_from"] for e in heard if e.kind == "started" and e.key == records[5].key]
    assert started == [0, 1]
    assert [rung["step"] for rung in records[5].rungs] == [1]


def test_a_factory_that_is_not_there_fails_every_trial_with_its_reason(
    make_sweep: Any, tmp_path: Path
) -> None:
    records = run(make_sweep(2), tmp_path, trial_factory="tests.sweeping.fake_run:Nothing")
    assert all("trial factory 'tests.sweeping.fake_run:Nothing'" in record.reason for record in records)


def test_an_error_of_the_search_itself_ends_the_run_as_that_error(
    make_sweep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("kdray.experiment.retention.Keeper.end", full)
    with pytest.raises(OSError, match="no space left"):
        run(make_sweep(4), tmp_path, trial_factory="tests.sweeping.fake_run:FakeRun")
    monkeypatch.undo()
    run(make_sweep(4), tmp_path, resume=True, trial_factory="tests.sweeping.fake_run:FakeRun")
    check_whole(make_sweep(4), tmp_path)


@pytest.mark.slow
def test_a_sweep_outlives_the_end_of_tune_itself(
    make_sweep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, calls = HalvingScheduler.on_trial_result, []

    def wrong(self: Any, controller: Any, trial: Any, result: Any) -> str:
        calls.append(trial)
        if len(calls) == 2:
            raise RuntimeError("Caught unexpected exception: 1 worker was killed: low on memory")
        return right(self, controller, trial, result)

    monkeypatch.setattr(HalvingScheduler, "on_trial_result", wrong)
    sweep = make_sweep(4)
    heard: list[Any] = []
    run(sweep, tmp_path, on_event=heard.append, trial_factory="tests.sweeping.fake_run:FakeRun")
    check_whole(sweep, tmp_path)
    retried = [event.detail["reason"] for event in heard if event.kind == "retried"]
    assert retried
    # Tune may take its workers down before it says why: then the trials were told first.
    assert all("low on memory" in reason or "worker was lost" in reason for reason in retried)


def test_where_every_disk_is_full_the_sweep_ends_with_the_folder_and_a_resume_goes_on(
    make_sweep: Any, tmp_path: Path
) -> None:
    sweep = make_sweep(4, search={"halving": False})
    heard: list[Any] = []
    with pytest.raises(StorageError, match=r"no space left on this disk of .*: make room") as caught:
        run(sweep, tmp_path, on_event=heard.append, trial_factory="tests.sweeping.fake_run:OnAFullDisk")
    assert str(tmp_path) in str(caught.value)
    assert [event.kind for event in heard].count("failed") == 0
    run(sweep, tmp_path, resume=True, trial_factory="tests.sweeping.fake_run:FakeRun")
    check_whole(sweep, tmp_path)
    assert {record.state for record in results.read(tmp_path)} == {"complete"}


def test_ray_listens_on_the_loopback_interface_only() -> None:
    import ray

    assert {node["NodeManagerAddress"] for node in ray.nodes()} == {"127.0.0.1"}


def test_a_stop_from_elsewhere_ends_cleanly_and_a_resume_goes_on(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(6, search={"halving": False})

    def stop_soon(event: Any) -> None:
        if event.kind == "rung":
            (tmp_path / "stop").touch()
            time.sleep(0.7)  # the driver looks twice a second

    with pytest.raises(KeyboardInterrupt):
        run(sweep, tmp_path, on_event=stop_soon, trial_factory="tests.sweeping.fake_run:Slow")
    states = {trial.state for trial in trials_of(tmp_path)}
    assert TrialState.RUNNING not in states
    assert TrialState.WAITING in states
    run(sweep, tmp_path, resume=True, trial_factory="tests.sweeping.fake_run:FakeRun")
    check_whole(sweep, tmp_path)


def test_the_status_can_be_read_while_the_sweep_runs(make_sweep: Any, tmp_path: Path) -> None:
    seen: list[lifecycle.Status] = []

    def look(event: Any) -> None:
        if event.kind == "rung":
            seen.append(lifecycle.status(tmp_path))

    run(make_sweep(3), tmp_path, on_event=look, trial_factory="tests.sweeping.fake_run:FakeRun")
    assert all(status.alive and status.asked == 3 for status in seen)
    assert any(status.running for status in seen)


def test_a_trial_that_does_not_fit_is_refused_before_it_waits_for_ever() -> None:
    with (
        pytest.raises(ConfigError, match="one trial takes 64 CPU, there are 2"),
        ray_session.local(Resources(cpus_per_worker=64)),
    ):
        pass


def test_a_factory_in_no_module_is_refused_before_anything_starts(make_sweep: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no module nowhere_at_all"):
        run(make_sweep(2), tmp_path / "sweep", trial_factory="nowhere_at_all:Run")
    assert not (tmp_path / "sweep").exists()


def test_constraints_on_an_unknown_teacher_are_refused_before_the_study_is_made(
    make_sweep: Any, tmp_path: Path
) -> None:
    sweep = make_sweep(2, constraints={"student_params": "<= 0.25 * teacher_params"})
    with pytest.raises(ConfigError, match="constraints need the vocabulary of the teacher"):
        run(sweep, tmp_path, trial_factory="tests.sweeping.fake_run:FakeRun")
    assert not (tmp_path / "study.journal").exists()


def test_runs_from_a_thread_without_signals(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(2)
    thread = threading.Thread(
        target=run, args=(sweep, tmp_path), kwargs={"trial_factory": "tests.sweeping.fake_run:FakeRun"}
    )
    thread.start()
    thread.join(timeout=120)
    check_whole(sweep, tmp_path)
    assert len(results.read(tmp_path)) == 2
