"""Which trial is meant, and what a user is told where none is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kdray import results
from kdray.errors import ConfigError, DataError
from kdray.handover.choose import choose, exportable, student_folder


@pytest.fixture(scope="module")
def experiment(shipped_from):
    return results.experiment(shipped_from)


@pytest.mark.parametrize(
    ("ways", "error", "says"),
    [
        ({"trial": "t0001"}, DataError, "its student was deleted .* to be exported: t0000"),
        ({"trial": "t0002"}, DataError, "t0002 of toy is failed: it has no trained student"),
        ({"trial": "t0004"}, ConfigError, "no trial 't0004', did you mean"),
        ({}, ConfigError, "name one trial, or --knee"),
        ({"trial": "t0000", "knee": True}, ConfigError, "name one trial, or --knee"),
        ({"trial": "t0000", "where": ["student_params < 1"]}, ConfigError, "no effect on a trial named"),
        ({"knee": True, "where": ["student_params < 1"]}, ConfigError, "keeps the filters"),
        ({"best": "assertion_acuracy"}, ConfigError, "did you mean 'assertion_accuracy'"),
        ({"best": "step_of_nothing"}, ConfigError, "recorded 'step_of_nothing'"),
    ],
)
def test_a_choice_that_cannot_be_made_is_one_line(experiment, ways, error, says):
    with pytest.raises(error, match=says):
        choose(experiment, **ways)


def test_the_best_is_the_best_of_those_that_keep_the_limit(tmp_path):
    from tests.report.simulated import simulate

    experiment = results.experiment(simulate(tmp_path / "x", 30, cases=0))
    for record in experiment.records:
        student = Path(student_folder(experiment, record.key))
        student.mkdir()
        (student / "model.safetensors").write_bytes(b"")
    done = [record for record in experiment.records if record.state == "complete"]
    assert exportable(experiment) == [record.key for record in done]
    small = [record for record in done if record.metrics["student_params"] <= 8e5]
    chosen = choose(experiment, best="assertion_accuracy", where=["student_params <= 8e5"])
    assert chosen.metrics["assertion_accuracy"] == max(one.metrics["assertion_accuracy"] for one in small)
    fastest = choose(experiment, best="latency_ms")
    assert fastest.metrics["latency_ms"] == min(one.metrics["latency_ms"] for one in done)


def test_a_student_of_another_trial_than_the_results_is_refused(tmp_path):
    from tests.report.simulated import simulate

    folder = simulate(tmp_path / "x", 3, cases=0)
    key = next(record.key for record in results.read(folder) if record.state == "complete")
    trial = tmp_path / "x" / "trials" / key
    state = json.loads((trial / "state.json").read_text())
    (trial / "state.json").write_text(json.dumps({**state, "trial": "a" * 16}))
    (trial / "student").mkdir()
    (trial / "student" / "model.safetensors").write_bytes(b"")
    (trial / "student" / "kdray.json").write_text(json.dumps({"trial": "b" * 16}))
    with pytest.raises(DataError, match="the student is of trial bbbb"):
        choose(results.experiment(folder), trial=key)
