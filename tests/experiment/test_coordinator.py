from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from kdray import results
from kdray.errors import ConfigError, DataError
from kdray.experiment.coordinator import Coordinator
from kdray.experiment.study import Study
from kdray.search import space
from kdray.search.constraints import Gate
from tests.simulate import simulate
from tests.sweeping.check import check_whole, trials_of
from tests.sweeping.drive import conduct, drive

STARTS = [{"distil.alpha": 0.5, "distil.temperature": 1.0}, {"distil.alpha": 0.0}]


def in_memory(sweep: Any, **gate: Any) -> tuple[Coordinator, Study]:
    study = Study(optuna.storages.InMemoryStorage(), sweep, space.build(sweep))
    return Coordinator(sweep, study, None, Gate(sweep, **gate)), study


def train(job: Any, rung: int) -> tuple[dict[str, Any], float]:
    gain = rung / job.trial.budget.steps
    metrics = {
        "step": rung,
        "assertion_accuracy": gain * job.trial.distil.alpha,
        "metamorphic_discrepancy": 1 - gain * job.trial.distil.temperature / 8,
    }
    return metrics, 1.0


def test_start_points_come_first_and_take_the_base_trial_for_the_rest(make_sweep: Any) -> None:
    sweep = make_sweep(4, search={"start": STARTS}, student={"hidden": 96})
    coordinator, _ = in_memory(sweep)
    first, second, third = (coordinator.next() for _ in range(3))
    assert first is not None and second is not None and third is not None
    assert (first.trial.distil.alpha, first.trial.distil.temperature) == (0.5, 1.0)
    assert (second.trial.distil.alpha, second.trial.distil.temperature) == (0.0, 1.0)
    assert first.trial.student.hidden == second.trial.student.hidden == 96
    assert third.trial.distil.alpha not in (0.0, 0.5)


def test_a_start_point_that_may_not_be_trained_is_refused_before_anything_starts(make_sweep: Any) -> None:
    sweep = make_sweep(
        4, search={"start": [{"student.hidden": 96}]}, constraints={"student_params": "<= 500"}
    )
    with pytest.raises(ConfigError, match=r"search.start\[0\] may not be trained: student_params 960"):
        in_memory(sweep, sizes=lambda trial: {"student_params": 10.0 * trial.student.hidden})


def test_constraints_hold_for_every_proposed_trial_and_sizes_are_noted(make_sweep: Any) -> None:
    sweep = make_sweep(12, constraints={"student_params": "<= 0.25 * teacher_params"})
    coordinator, study = in_memory(
        sweep,
        sizes=lambda trial: {"student_params": 10.0 * trial.student.hidden},
        teacher={"teacher_params": 2600.0},
    )
    simulate(coordinator, train, workers=3)
    assert {trial.params["student.hidden"] for trial in study.trials()} == {32, 64}
    assert all(trial.user_attrs["student_params"] <= 650 for trial in study.trials())


def test_constraints_without_a_known_teacher_are_refused(make_sweep: Any) -> None:
    sweep = make_sweep(4, constraints={"student_params": "<= 0.25 * teacher_params"})
    with pytest.raises(ConfigError, match="teacher_params is not known"):
        in_memory(sweep, sizes=lambda trial: {"student_params": 1.0})


def test_states_are_true(make_sweep: Any) -> None:
    sweep = make_sweep(20, search={"eta": 2, "trust": -1})
    coordinator, study = in_memory(sweep)
    simulate(coordinator, train, workers=4)
    states = {trial.state for trial in study.trials()}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}
    for trial in study.trials():
        if trial.state == TrialState.COMPLETE:
            assert trial.values == pytest.approx(
                [trial.params["distil.alpha"], 1 - trial.params["distil.temperature"] / 8]
            )
        else:
            assert trial.values is None
            assert 9 not in trial.intermediate_values
            assert "stopped at step" in trial.user_attrs["reason"]


def test_without_halving_every_trial_reaches_the_last_rung(make_sweep: Any) -> None:
    coordinator, study = in_memory(make_sweep(10, search={"halving": False}))
    simulate(coordinator, train, workers=4)
    assert {trial.state for trial in study.trials()} == {TrialState.COMPLETE}


def test_a_finite_space_ends_the_sweep_early(make_sweep: Any) -> None:
    coordinator, study = in_memory(make_sweep(50, only={"student.hidden": [32, 64, 96]}))
    simulate(coordinator, train, workers=4)
    assert coordinator.done
    assert len(study.trials()) == 3


def test_one_failure_is_no_reason_to_lose_a_slot(make_sweep: Any, tmp_path: Path) -> None:
    coordinator = conduct(make_sweep(2), tmp_path)
    job = coordinator.next()
    assert job is not None
    coordinator.fail(job.key, "the loss is nan")
    assert coordinator.live == 0
    (trial,) = trials_of(tmp_path)
    assert (trial.state, trial.user_attrs["reason"]) == (TrialState.FAIL, "the loss is nan")


def test_a_lost_worker_is_replaced_as_often_as_allowed(make_sweep: Any, tmp_path: Path) -> None:
    coordinator = conduct(make_sweep(1, resources={"max_failures": 1}), tmp_path)
    first = coordinator.next()
    assert first is not None
    coordinator.lose(first.key, "killed")
    assert not coordinator.done
    again = coordinator.next()
    assert again is not None
    assert again.key == first.key
    assert trials_of(tmp_path)[0].user_attrs["retries"] == 1
    coordinator.lose(first.key, "killed")
    assert coordinator.done
    (trial,) = trials_of(tmp_path)
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs["reason"] == "killed (tried 2 times)"


def test_interrupted_trials_wait_and_go_on_first(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(4)
    coordinator = conduct(sweep, tmp_path)
    jobs = [coordinator.next(), coordinator.next()]
    coordinator.interrupt()
    assert {trial.state for trial in trials_of(tmp_path)} == {TrialState.WAITING}
    again = conduct(sweep, tmp_path)
    assert [job.key for job in (again.next(), again.next()) if job] == [job.key for job in jobs if job]


def test_more_trials_extend_a_finished_sweep(make_sweep: Any, tmp_path: Path) -> None:
    drive(make_sweep(3, search={"start": STARTS}), tmp_path)
    longer = make_sweep(7, search={"start": STARTS})
    drive(longer, tmp_path)
    check_whole(longer, tmp_path)


def test_a_resumed_search_does_not_draw_the_same_points_again(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(3)
    drive(sweep, tmp_path)
    longer = make_sweep(6)
    drive(longer, tmp_path)
    alphas = [record.overrides["distil.alpha"] for record in results.read(tmp_path)]
    assert len(set(alphas)) == 6


def test_only_the_front_keeps_its_checkpoints(make_sweep: Any, tmp_path: Path) -> None:
    drive(make_sweep(12, search={"halving": False}), tmp_path)
    records = results.read(tmp_path)
    points = {
        r.key: (-r.metrics["assertion_accuracy"], r.metrics["metamorphic_discrepancy"]) for r in records
    }
    for record in records:
        mine = points[record.key]
        beaten = any(o[0] <= mine[0] and o[1] <= mine[1] and o != mine for o in points.values())
        assert (tmp_path / "trials" / record.key / "checkpoint").exists() == (not beaten)
        assert (tmp_path / "trials" / record.key / "student").exists()


def test_a_watcher_that_raises_does_not_end_the_sweep(make_sweep: Any, tmp_path: Path) -> None:
    def watch(event: Any) -> None:
        raise RuntimeError("the terminal is gone")

    sweep = make_sweep(2)
    drive(sweep, tmp_path, on_event=watch)
    check_whole(sweep, tmp_path)


def test_the_watcher_hears_of_each_start_rung_and_end(make_sweep: Any, tmp_path: Path) -> None:
    heard: list[Any] = []
    drive(make_sweep(2, search={"halving": False}), tmp_path, on_event=heard.append)
    assert [event.kind for event in heard if event.key == "t0001"] == [
        "started",
        "rung",
        "rung",
        "rung",
        "complete",
    ]
    assert (heard[-1].finished, heard[-1].asked) == (2, 2)
    assert heard[-1].detail["metrics"]["step"] == 9


def test_a_failing_trial_names_its_reason_in_study_and_folder(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(3, only={"student.heads": [2, 3, 7]}, search={"halving": False, "sampler": "grid"})
    drive(sweep, tmp_path, factory="tests.sweeping.fake_run:Misbehaving")
    check_whole(sweep, tmp_path)
    assert [record.reason for record in results.read(tmp_path)] == [
        "assertion_accuracy is nan at step 3",
        "the report at step 3 has no 'metamorphic_discrepancy'",
        "the loss is nan at step 2",
    ]


def test_the_study_lives_in_a_database_as_well(make_sweep: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    sweep = make_sweep(4, search={"storage": url, "eta": 2, "trust": -1})
    drive(sweep, tmp_path / "sweep")
    longer = make_sweep(6, search={"storage": url, "eta": 2, "trust": -1})
    drive(longer, tmp_path / "sweep")
    trials = optuna.load_study(study_name="small", storage=url).trials
    assert [trial.user_attrs["key"] for trial in trials] == [f"t{n:04d}" for n in range(6)]
    assert all(trial.state.is_finished() for trial in trials)


@pytest.mark.parametrize(
    "sampler", ["surrogate", "random", "tpe", "nsga2", "nsga3", "optuna.samplers:TPESampler"]
)
def test_every_sampler_leads_a_sweep_to_its_end(make_sweep: Any, sampler: str) -> None:
    coordinator, study = in_memory(make_sweep(30, search={"sampler": sampler, "eta": 2, "trust": -1}))
    simulate(coordinator, train, workers=4)
    assert len(study.trials(TrialState.COMPLETE, TrialState.PRUNED)) == 30


@pytest.mark.parametrize("state", [TrialState.RUNNING, TrialState.COMPLETE])
def test_a_study_whose_keys_climb_is_refused(make_sweep: Any, state: TrialState) -> None:
    sweep = make_sweep(2)
    storage = optuna.storages.InMemoryStorage()
    study = Study(storage, sweep, space.build(sweep))
    trial = study.create({"distil.alpha": 0.5}, {}, {})
    storage.set_trial_user_attr(trial._trial_id, "key", "../../victim")
    if state == TrialState.COMPLETE:
        storage.set_trial_state_values(trial._trial_id, state, [0.5, 0.5])
    with pytest.raises(DataError, match="no key such as t0007"):
        Study(storage, sweep, space.build(sweep))


def test_the_study_keeps_how_much_each_objective_may_be_off(make_sweep: Any, tmp_path: Path) -> None:
    """From the intervals: a share known to +-.0196 has a variance of 1e-4; what has none is exact."""
    coordinator, study = in_memory(make_sweep(1))
    job = coordinator.next()
    assert job is not None
    metrics, _ = train(job, 9)
    middle = metrics["assertion_accuracy"]
    ends = {"assertion_accuracy": [middle - 0.0196, middle + 0.0196]}
    coordinator.report(job.key, 3, {**metrics, "step": 3})
    coordinator.finish(job.key, 9, {**metrics, "intervals": ends})
    trial = study.trial(job.key)
    assert study.variances(trial, 3) is None
    assert study.variances(trial, 9) == [pytest.approx(1e-4, rel=1e-3), 0.0]
    assert "intervals" not in trial.user_attrs["rung:9"]
