"""A whole sweep with real training under Ray Tune, over the small world."""

import json

import pytest

from kdray.config import sweep_from
from kdray.errors import ConfigError
from kdray.pipeline.finish import finish
from kdray.pipeline.launching import launch
from kdray.pipeline.references import references
from tests import world


@pytest.fixture(scope="module")
def launched(small_world):
    return launch(two_suites(small_world), resume=False)


def two_suites(small_world, **overrides):
    data = world.sweep_data(small_world, **{"name": "launched", **overrides})
    data["trial"] |= {name: str(small_world / f"launched-{name}") for name in ("suite", "test_suite")}
    data["search"] = data["search"] | {"confirm": False}
    return sweep_from(data, "test")


def test_the_asked_trials_end_and_the_start_points_are_the_first(launched):
    records = launched.records
    assert [record.key for record in records] == ["t0000", "t0001", "t0002", "t0003"]
    assert all(record.state in ("complete", "pruned") for record in records)
    assert records[0].overrides == {"distil.alpha": 0.5, "distil.temperature": 1.0}
    assert records[1].overrides["distil.alpha"] == 0.0
    for record in records:
        assert record.trial["distil"]["alpha"] == record.overrides["distil.alpha"]
        assert 0 <= record.metrics["assertion_accuracy"] <= 1


def test_a_trial_in_a_reused_worker_equals_the_same_trial_alone(launched):
    from kdray.config import Trial, parse
    from kdray.train import train

    record = next(r for r in reversed(launched.records) if r.state == "complete")
    alone = train(parse(Trial, record.trial, record.key))
    timed = ("seconds", "wall_s")
    assert {k: v for k, v in alone.items() if k not in timed} == {
        k: v for k, v in record.metrics.items() if k not in timed
    }


def test_the_summary_has_what_a_script_needs(launched, capsys):
    marks = references(launched.sweep, launched.folder)
    shown = []
    finish(launched, marks, as_json=True, show=shown.append)
    found = json.loads(shown[0])
    assert set(found["seconds"]) >= {"sweep"}
    assert set(found["teacher"]) == {"params", "accuracy", "interval", "baselines"}
    assert set(found["teacher"]["baselines"]) == {"retrieval", "repeat_last"}
    assert found["signal"]["bytes_per_token"] > 0
    assert len(found["trials"]) == 4
    names = {"params", "alpha", "temperature", "assertion_accuracy", "metamorphic_discrepancy", "agreement"}
    assert names <= set(found["trials"][0])
    assert found["front"]
    assert found["hypervolume"] >= 0
    err = capsys.readouterr().err
    assert "front.html" in err
    assert "next " in err


def test_the_end_judges_the_front_by_the_test_suite_and_prints_both(launched):
    shown = []
    finish(launched, references(launched.sweep, launched.folder), as_json=False, show=shown.append)
    judged = [record for record in launched.records if record.test]
    assert judged and all("outcomes" in record.test for record in judged)
    assert launched.seconds["test"] >= 0
    assert "optimism" in shown[0] and "Told apart on" in shown[0]
    page = (world.Path(launched.folder) / "front.html").read_text()
    assert '"test":{"' in page and "Told apart on" in page


def test_the_report_is_one_file_that_names_the_teacher(launched):
    page = (world.Path(launched.folder) / "front.html").read_text()
    assert "<script" in page
    assert "teacher" in page


def test_a_sweep_that_is_there_is_not_begun_again(launched, small_world):
    with pytest.raises(ConfigError, match="resume"):
        launch(two_suites(small_world), resume=False)
    again = launch(two_suites(small_world), resume=True)
    assert again.records == launched.records


def test_a_fork_knows_the_old_trials_and_trains_its_own(launched, small_world):
    sweep = two_suites(small_world, name="forked", search={"trials": 1})
    new = launch(sweep, resume=False, fork=launched.folder)
    assert [record.key for record in new.records] == ["t0004"]
    assert new.records[0].overrides not in [record.overrides for record in launched.records]
