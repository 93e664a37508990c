"""From records to a front."""

from __future__ import annotations

import dataclasses
import math

import pytest

from kdray.errors import ConfigError
from kdray.report.front import front, metric_names, parse_objectives, value
from kdray.results import TrialRecord

BOTH = {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}


def record(number, accuracy, discrepancy, state="complete", **more):
    rung = {"step": 9, "assertion_accuracy": accuracy, "metamorphic_discrepancy": discrepancy, **more}
    return TrialRecord(f"t{number:04d}", number, state, {}, {}, (rung,))


def test_only_complete_trials_with_finite_objectives_make_the_front():
    records = [
        record(0, 0.2, 0.5),
        record(1, 0.9, 0.1, state="pruned"),
        record(2, 0.9, 0.1, state="running"),
        record(3, 0.9, math.nan),
        record(4, 0.1, 0.6),
        TrialRecord("t0005", 5, "failed", {}, {}, ()),
    ]
    found = front(records, BOTH)
    assert [candidate.key for candidate in found.candidates] == ["t0000", "t0004"]
    assert [member.key for member in found.members] == ["t0000"]


def test_the_front_of_a_simulated_sweep_is_dominated_by_no_complete_trial(experiment, found):
    complete = [r for r in experiment.records if r.state == "complete"]
    for member in found.members:
        assert not any(
            value(other, "assertion_accuracy") >= value(member, "assertion_accuracy")
            and value(other, "metamorphic_discrepancy") < value(member, "metamorphic_discrepancy")
            for other in complete
        )
    assert 2 <= len(found.members) < len(complete)
    assert found.candidates[found.knee] in found.members
    assert found.hypervolume > 0


def test_members_run_from_the_best_in_the_first_objective(found):
    accuracies = [value(member, "assertion_accuracy") for member in found.members]
    assert accuracies == sorted(accuracies, reverse=True)


def test_any_recorded_metric_can_be_an_objective(experiment):
    three = front(experiment.records, {**BOTH, "student_params": "min"})
    one = front(experiment.records, {"student_params": "min"})
    assert len(three.members) >= len(front(experiment.records, BOTH).members)
    assert one.members[0] in three.members


def test_filters_take_candidates_away(experiment):
    small = front(experiment.records, BOTH, where=["student_params <= 8e5", "agreement>0.3"])
    assert small.candidates
    assert all(value(r, "student_params") <= 8e5 and value(r, "agreement") > 0.3 for r in small.candidates)


def test_nothing_yet_is_an_empty_front():
    empty = front([], BOTH)
    assert (empty.members, empty.knee, empty.hypervolume, empty.reference) == ([], None, 0.0, {})


def test_a_given_reference_point_is_kept(experiment):
    found = front(experiment.records, BOTH, reference={"metamorphic_discrepancy": 1, "assertion_accuracy": 0})
    assert found.reference == {"assertion_accuracy": 0.0, "metamorphic_discrepancy": 1.0}
    with pytest.raises(ConfigError, match="no value for 'assertion_accuracy'"):
        front(experiment.records, BOTH, reference={"metamorphic_discrepancy": 1})


def test_standard_errors_come_from_the_intervals():
    found = front([record(0, 0.5, 0.5, intervals={"assertion_accuracy": [0.402, 0.598]})], BOTH)
    assert found.standard_errors()[0] == pytest.approx([0.05, 0.0], abs=1e-4)


@pytest.mark.parametrize(
    ("objectives", "where", "says"),
    [
        ({"assertion_acuracy": "max"}, [], "did you mean 'assertion_accuracy'"),
        ({"assertion_accuracy": "up"}, [], "neither max nor min"),
        ({}, [], "at least one metric"),
        (BOTH, ["student_params <= a quarter"], "is not like 'student_params <= 2e6'"),
        (BOTH, ["student_parms <= 2e6"], "did you mean 'student_params'"),
    ],
)
def test_what_cannot_be_read_is_one_line(experiment, objectives, where, says):
    with pytest.raises(ConfigError, match=says):
        front(experiment.records, objectives, where=where)


def test_objectives_are_read_from_text():
    assert parse_objectives("a:max, b:min") == {"a": "max", "b": "min"}
    assert parse_objectives("a,b:min", {"a": "max"}) == {"a": "max", "b": "min"}
    with pytest.raises(ConfigError, match="'b' needs a direction"):
        parse_objectives("a:max,b")


def test_metrics_are_the_numbers_that_were_recorded():
    odd = dataclasses.replace(
        record(0, 0.1, 0.2), rungs=({"step": 1, "a": 2, "b": "x", "c": True, "d": None},)
    )
    assert metric_names([odd]) == ["a"]


def test_the_front_probability_is_high_for_a_clear_leader_and_split_between_equals():
    def student(number, a, half):
        rung = {"step": 1, "a": a, "b": 0.5, "intervals": {"a": [a - half, a + half]}}
        return TrialRecord(f"t{number:04d}", number, "complete", {}, {}, (rung,))

    found = front([student(0, 0.9, 0.02), student(1, 0.5, 0.02)], {"a": "max", "b": "min"})
    assert found.probability.tolist() == [1.0, 0.0]
    found = front([student(0, 0.5, 0.1), student(1, 0.5, 0.1)], {"a": "max", "b": "min"})
    assert found.probability == pytest.approx([0.5, 0.5], abs=0.05)
