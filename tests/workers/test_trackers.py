"""Trackers hear of every trial and rung, in their own terms, on a real Ray; one that breaks ends nothing."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from kdray.errors import ConfigError
from kdray.workers.runner import run

STARTS = [{"distil.alpha": 0.5, "distil.temperature": 1.0}, {"distil.alpha": 0.25}]


@pytest.fixture(scope="module")
def tracked(local_ray, tmp_path_factory, module_sweep):
    """A finished sweep with every tracker there is, its folder and its records."""
    pytest.importorskip("mlflow")
    pytest.importorskip("wandb")
    root = tmp_path_factory.mktemp("tracked")
    tracking = {"mlflow": str(root / "mlflow"), "wandb": "my-project"}
    sweep = module_sweep(3, search={"start": STARTS, "halving": False}, tracking=tracking)
    records = run(sweep, root / "small", trial_factory="tests.sweeping.fake_run:FakeRun")
    return root, records


def test_tensorboard_has_a_run_per_trial_with_every_number_of_every_rung(tracked):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    root, records = tracked
    runs = root / "small" / "tensorboard"
    assert sorted(path.name for path in runs.iterdir()) == [record.key for record in records]
    for record in records:
        events = accumulator.EventAccumulator(str(runs / record.key))
        events.Reload()
        points = events.Scalars("assertion_accuracy")
        assert [point.step for point in points] == [rung["step"] for rung in record.rungs]
        wanted = [rung["assertion_accuracy"] for rung in record.rungs]
        assert [point.value for point in points] == pytest.approx(wanted, rel=1e-6)
        assert "interval/assertion_accuracy/high" in events.Tags()["scalars"]
        losses = [(point.step, point.value) for point in events.Scalars("loss")]
        assert losses == [(step, pytest.approx(2 / step)) for step in range(1, record.step + 1)]


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_the_sweep_as_an_experiment_and_a_run_per_trial(tracked):
    from mlflow.tracking import MlflowClient

    root, records = tracked
    client = MlflowClient(tracking_uri=(root / "mlflow").as_uri())
    experiment = client.get_experiment_by_name("small")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {record.key for record in records}
    for record in records:
        kept = runs[record.key]
        assert kept.info.status == "FINISHED"
        assert float(kept.data.params["distil.alpha"]) == record.overrides["distil.alpha"]
        history = client.get_metric_history(kept.info.run_id, "metamorphic_discrepancy")
        assert [(point.step, point.value) for point in history] == [
            (rung["step"], pytest.approx(rung["metamorphic_discrepancy"])) for rung in record.rungs
        ]
        losses = client.get_metric_history(kept.info.run_id, "loss")
        assert [point.step for point in losses] == list(range(1, record.step + 1))


def test_wandb_keeps_a_run_per_trial_offline(tracked):
    root, records = tracked
    kept = list((root / "small" / "wandb").rglob("*.wandb"))
    assert len(kept) == len(records)
    assert all(b"loss" in path.read_bytes() and b"distil.alpha" in path.read_bytes() for path in kept)


def test_each_trial_has_a_log_file(tracked):
    root, records = tracked
    for record in records:
        text = (root / "small" / "trials" / record.key / "log.txt").read_text()
        assert f"{record.key} begins in process" in text
        assert text.count("rung ") == len(record.rungs)


@pytest.fixture
def dashboard(tracked):
    """The address of an optuna-dashboard on the sweep's study."""
    pytest.importorskip("optuna_dashboard")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from optuna_dashboard._cli import main; main()"]
    journal = str(tracked[0] / "small" / "study.journal")
    process = subprocess.Popen([*command, journal, "--host", "127.0.0.1", "--port", str(port), "--quiet"])
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def fetched(address, tries=600):
    for _ in range(tries):
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - loopback
                return answer.status, answer.read().decode()
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"{address} did not answer")


def test_the_study_opens_in_optuna_dashboard_with_names_rungs_and_where_students_are(tracked, dashboard):
    _, records = tracked
    status, page = fetched(dashboard)
    assert status == 200
    assert "Optuna Dashboard" in page
    (study,) = json.loads(fetched(f"{dashboard}/api/studies")[1])["study_summaries"]
    assert (study["study_name"], study["directions"]) == ("small", ["maximize", "minimize"])
    whole = json.loads(fetched(f"{dashboard}/api/studies/{study['study_id']}?after=0")[1])
    assert whole["objective_names"] == ["assertion_accuracy", "metamorphic_discrepancy"]
    trials = whole["trials"]
    for trial, record in zip(trials, records, strict=True):
        told = [(point["step"], point["value"]) for point in trial["intermediate_values"]]
        assert told == [(rung["step"], rung["assertion_accuracy"]) for rung in record.rungs]
        attrs = {attr["key"]: attr["value"] for attr in trial["user_attrs"]}
        assert attrs["student"].strip('"') == f"trials/{record.key}/student"
    assert len(trials) == len(records)
    assert [trial["state"] for trial in trials] == ["Complete"] * len(records)


def test_a_tracker_that_is_not_installed_is_refused_before_anything_starts(make_sweep, tmp_path, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "wandb" else real(name))
    with pytest.raises(ConfigError, match=r"tracking.wandb: .* pip install 'kdray\[wandb\]'"):
        run(
            make_sweep(1, tracking={"wandb": "x"}),
            tmp_path / "s",
            trial_factory="tests.sweeping.fake_run:FakeRun",
        )
    assert not (tmp_path / "s").exists()
