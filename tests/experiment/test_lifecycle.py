from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kdray.errors import ConfigError, DataError, KdrayError
from kdray.experiment import lifecycle
from kdray.experiment.lock import lock
from kdray.packaged import located
from tests.sweeping.drive import conduct, drive


def test_a_folder_belongs_to_one_driver_at_a_time(make_sweep: Any, tmp_path: Path) -> None:
    with lifecycle.claim(make_sweep(), tmp_path, resume=True):
        with (
            pytest.raises(KdrayError, match="in use by another kdray process"),
            lock(tmp_path / "driver0.lock"),
        ):
            pass
        assert lifecycle.status(tmp_path).alive
    assert not lifecycle.status(tmp_path).alive


def test_an_experiment_that_is_there_is_refused_without_resume(make_sweep: Any, tmp_path: Path) -> None:
    drive(make_sweep(1), tmp_path)
    with (
        pytest.raises(ConfigError, match="there is a sweep already"),
        lifecycle.claim(make_sweep(1), tmp_path, resume=False),
    ):
        pass


def test_a_changed_sweep_is_refused_with_its_difference(make_sweep: Any, tmp_path: Path) -> None:
    drive(make_sweep(1), tmp_path)
    changed = make_sweep(1, space={"distil.alpha": {"range": [0, 0.5]}}, search={"eta": 4})
    with pytest.raises(ConfigError) as caught, lifecycle.claim(changed, tmp_path, resume=True):
        pass
    assert "search.eta: 3 -> 4" in str(caught.value)
    assert "space.distil.alpha.range: [0, 1] -> [0, 0.5]" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_trials_and_other_resources_are_no_change(make_sweep: Any, tmp_path: Path) -> None:
    drive(make_sweep(1), tmp_path)
    more = make_sweep(2, resources={"max_concurrent": 7}, storage="elsewhere")
    with lifecycle.claim(more, tmp_path, resume=True):
        pass


def test_a_packaged_teacher_is_the_same_by_its_name_and_by_its_path(make_sweep: Any, tmp_path: Path) -> None:
    def named(teacher: str) -> Any:
        sweep = make_sweep(1)
        return sweep.model_copy(update={"trial": sweep.trial.model_copy(update={"teacher": teacher})})

    drive(named(located("kdray:python")), tmp_path)
    with lifecycle.claim(named("kdray:python"), tmp_path, resume=True):
        pass
    with (
        pytest.raises(ConfigError, match=r"trial\.teacher: kdray:python -> elsewhere"),
        lifecycle.claim(named("elsewhere"), tmp_path, resume=True),
    ):
        pass


def test_the_status_tells_what_runs_and_when_it_may_end(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(4, search={"halving": False})
    drive(make_sweep(1, search={"halving": False}), tmp_path)
    with lifecycle.claim(sweep, tmp_path, resume=True):
        coordinator = conduct(sweep, tmp_path)
        coordinator.next()
        job = coordinator.next()
        assert job is not None
        coordinator.report(job.key, 3, {"step": 3, "assertion_accuracy": 0.1, "metamorphic_discrepancy": 0.2})
        (tmp_path / "trials" / job.key / "results.jsonl").write_text(
            '{"step": 3, "assertion_accuracy": 0.1}\n'
        )
        status = lifecycle.status(tmp_path)
    assert (status.asked, status.finished, status.counts) == (4, 1, {"complete": 1, "running": 2})
    assert [(running.key, running.step) for running in status.running] == [("t0001", 0), ("t0002", 3)]
    assert status.left_s is not None and status.left_s > 0
    after = lifecycle.status(tmp_path)
    assert (after.alive, after.left_s, after.per_hour) == (False, None, None)


def test_stopping_what_does_not_run_does_nothing(make_sweep: Any, tmp_path: Path) -> None:
    drive(make_sweep(1), tmp_path)
    assert not lifecycle.stop(tmp_path)
    assert not (tmp_path / "stop").exists()
    with pytest.raises(DataError, match="not an experiment folder"):
        lifecycle.stop(tmp_path / "nowhere")


def test_watching_a_sweep_loads_neither_ray_nor_optuna() -> None:
    heavy = ("ray", "optuna", "torch")
    code = f"import sys, kdray.experiment.lifecycle; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
