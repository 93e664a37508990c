"""The search sees the valid split, the report the test split: captured together, and opened once at the end."""

from __future__ import annotations

import json

import pytest
import yaml

from kdray import results
from kdray.config import as_data, merge, sweep_from
from kdray.corpus.store import read_corpus, write_corpus
from kdray.errors import ConfigError, DataError
from kdray.handover import bench
from kdray.handover.choose import choose
from kdray.handover.export import export
from kdray.handover.unseen import judge_unseen
from kdray.metamorphic.suite import Suite
from kdray.pipeline.prepare import prepare
from kdray.pipeline.references import references
from kdray.report.show import report
from tests import world
from tests.handover.conftest import train_into


def two_suites(root, folder, **trial):
    data = world.sweep_data(root, name="two", storage=str(folder / "runs"))
    data["trial"] |= {"suite": str(folder / "valid"), "test_suite": str(folder / "test"), **trial}
    data["capture"]["test_cases"] = 6
    return sweep_from(data, "test")


@pytest.fixture(scope="module")
def swept(small_world, tmp_path_factory):
    """A finished sweep of two suites with three students, the last of them the control."""
    sweep = two_suites(small_world, tmp_path_factory.mktemp("two"))
    prepare(sweep)
    folder = world.Path(sweep.storage) / "two"
    more = {"optim.lr": 5e-3, "budget.steps": 6, "budget.rungs": [6]}
    train_into(folder, [merge(sweep.trial, {"distil.alpha": a, **more}, "test") for a in (0.5, 0.9, 0.0)])
    (folder / "sweep.yaml").write_text(yaml.safe_dump(as_data(sweep), sort_keys=False))
    references(sweep, str(folder))
    assert "test suite yet" in told(folder)
    before = [choose(results.experiment(folder), knee=True).key]
    judge_unseen(str(folder))
    return folder, before


def told(folder):
    return report([str(folder)], objectives=None, where=(), files={}, as_json=False)


def test_the_two_suites_are_of_their_splits_and_share_no_file(small_world, swept):
    folder, _ = swept
    trial = results.read_sweep(folder).trial
    splits = {one.id: (one.split, one.group) for one in read_corpus(small_world / "corpus")}
    suites = {name: Suite.open(getattr(trial, name)) for name in ("suite", "test_suite")}
    found = {name: {splits[case][0] for case in suite.cases} for name, suite in suites.items()}
    assert found == {"suite": {"valid"}, "test_suite": {"test"}}
    assert len(set(suites["test_suite"].cases)) == 6
    assert not set(suites["suite"].groups) & set(suites["test_suite"].groups)
    assert all(
        splits[case][1] == group
        for suite in suites.values()
        for case, group in zip(suite.cases, suite.groups, strict=True)
    )


def test_the_test_suite_judges_what_is_shown_and_judges_it_once(swept):
    folder, _ = swept
    experiment = results.experiment(folder)
    front = {record.key for record in experiment.records if record.test}
    assert "t0002" in front  # the control
    assert judge_unseen(str(folder)) == 0
    for record in experiment.records:
        if record.test:
            assert record.test["counts"]["cases"] == 6
            assert record.metrics["counts"]["cases"] == 8
    assert "test" in experiment.baselines["teacher"]
    assert "optimism" in told(folder) and "very cases" not in told(folder)


def test_no_choice_looks_at_the_test_suite(swept, tmp_path):
    folder, before = swept
    for path in folder.glob("trials/*/test.json"):
        kept = path.read_text()
        better = {**json.loads(kept), "assertion_accuracy": 1.0, "metamorphic_discrepancy": 0.0}
        path.write_text(json.dumps(better))
        assert [choose(results.experiment(folder), knee=True).key] == before
        path.write_text(kept)


def test_the_card_and_the_table_tell_both_apart(swept, tmp_path):
    folder, _ = swept
    facts = export(str(folder), tmp_path / "out", trial="t0002").facts
    assert facts.metrics["counts"]["cases"] == 6 and facts.chosen_by["counts"]["cases"] == 8
    card = (tmp_path / "out" / "README.md").read_text()
    assert "by 8 cases of the valid split, none of them above" in card and "optimism" in card
    experiment = results.experiment(folder)
    record = next(record for record in experiment.records if record.key == "t0002")
    assert facts.metrics["assertion_accuracy"] == record.test["assertion_accuracy"]
    report([str(folder)], objectives=None, where=(), files={"csv": str(tmp_path / "t.csv")}, as_json=False)
    again = report([str(tmp_path / "t.csv")], objectives=None, where=(), files={}, as_json=False)
    assert "optimism" in again


def test_a_suite_of_before_there_were_two_is_refused(small_world, tmp_path):
    sweep = two_suites(small_world, tmp_path, suite=str(small_world / "suite"))
    with pytest.raises(ConfigError, match=r"share . cases: the first was made before there was a second"):
        prepare(sweep)


def test_a_corpus_without_a_valid_split_says_what_to_do(small_world, tmp_path):
    rest = [one for one in read_corpus(small_world / "corpus") if one.split != "valid"]
    write_corpus(tmp_path / "corpus", rest, ["made up"])
    folders = {"corpus": str(tmp_path / "corpus"), "shards": str(tmp_path / "signal")}
    with pytest.raises(DataError, match=r"no valid split to choose students by: leave trial.test_suite out"):
        prepare(two_suites(small_world, tmp_path, **folders))


def test_one_suite_is_both_at_once_and_says_so(small_world):
    with pytest.raises(ConfigError, match="is the suite that students are chosen by"):
        two_suites(small_world, small_world, suite="a", test_suite="a")
    data = world.sweep_data(small_world)
    data["space"]["test_suite"] = ["a", "b"]
    with pytest.raises(ConfigError, match="cannot be searched over"):
        sweep_from(data, "test")
    trial = world.sweep(small_world).trial
    record = results.TrialRecord("t0000", 0, "complete", {}, as_data(trial), ())
    assert bench.test_trial(record).suite == trial.suite
