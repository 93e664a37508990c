"""A sweep whose students' assertions are run: what is planned once, what a trial measures, what is refused."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from kdray.config import Execution, parse, sweep_from
from kdray.corpus.left_out import LeftOut
from kdray.errors import ConfigError, DataError
from kdray.execution import suite_runs
from kdray.execution.ask import How
from kdray.execution.case import Ran
from kdray.execution.suite_plan import FILE, Variation, _add_variants
from kdray.execution.suite_runs import SuiteRuns, how_of
from kdray.pipeline.prepare import prepare
from kdray.pipeline.references import references
from kdray.train import train
from tests import world

SHAPES = """\
def count(a, b):
    return a + b if a < b else b + a

area = join = total = scale = merge = count
float = int
"""
CONFIG = {"cases": 6, "mutants": 4, "seconds": 20}


def data_of(small_world: Path, root: Path, **overrides):
    data = world.sweep_data(small_world, storage=str(root / "runs"), **overrides)
    data["trial"] |= {"corpus": str(root / "corpus"), "suite": str(root / "suite")}
    data["trial"]["evaluation"] = {"cases": 8, "rung_cases": 8, "execution": CONFIG}
    return data


@pytest.fixture(scope="module")
def run_world(small_world, tmp_path_factory, module_patch):
    """The small world's tests with code that they test, and its suite's cases run."""
    root = tmp_path_factory.mktemp("run-world")
    module_patch.setenv("KDRAY_CACHE", str(root / "cache"))
    shop = world.write_tests(root / "shop")
    for path in shop.glob("test_*.py"):
        path.write_text(f"from shapes import *\n\n{path.read_text()}")
    (shop / "shapes.py").write_text(SHAPES)
    for name in ("corpus", "suite"):
        shutil.copytree(small_world / name, root / name)
    manifest = json.loads((root / "corpus" / "corpus.json").read_text())
    (root / "corpus" / "corpus.json").write_text(json.dumps(manifest | {"sources": [str(shop)]}))
    objectives = {"kill_rate": "max", "metamorphic_discrepancy": "min"}
    prepare(sweep_from(data_of(small_world, root, objectives=objectives), "test"))
    return root


@pytest.fixture(scope="module")
def module_patch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def opened(root):
    config = Execution(**CONFIG)
    return SuiteRuns(str(root / "suite"), config, how_of(config, str(root / "corpus"), 1))


def planned(root):
    return json.loads((root / "suite" / FILE).read_text())["cases"]


@pytest.fixture(scope="module")
def varied_world(small_world, run_world, tmp_path_factory):
    """The same, its suite's variants run too."""
    root = tmp_path_factory.mktemp("varied-world")
    for name in ("corpus", "suite"):
        shutil.copytree(run_world / name, root / name)
    data = data_of(small_world, root)
    data["trial"]["evaluation"]["execution"] = CONFIG | {"variants": True}
    sweep = sweep_from(data, "test")
    prepare(sweep)
    return root, sweep


def test_the_cases_that_run_are_kept_with_the_faults_that_their_own_assertions_catch(run_world):
    cases = planned(run_world)
    assert 1 <= len(cases) <= 6
    assert all(case["known"][case["target"]][0] == "passes" for case in cases)
    assert any(case["counting"] for case in cases)
    for case in cases:
        assert all(case["known"][case["target"]][1])  # what counts is what its own assertion kills
        assert not any(case["known"][""][1])


def test_a_trial_reports_what_running_its_students_assertions_says(small_world, run_world):
    sweep = sweep_from(data_of(small_world, run_world), "test")
    found = []
    train(sweep.trial, report=found.append)
    assert len(found) == 2  # at each rung
    for metrics in found:
        assert 0 <= metrics["pass_rate"] <= metrics["parse_rate"] <= 1
        assert metrics["kill_disagreement"] >= 0
        assert metrics["counts"]["run_cases"] == len(planned(run_world))
        low, high = metrics["intervals"]["pass_rate"]
        assert low <= metrics["pass_rate"] <= high


def test_teacher_baselines_the_tests_own_and_none_stand_beside_them(small_world, run_world, tmp_path):
    sweep = sweep_from(data_of(small_world, run_world), "test")
    marks = references(sweep, str(tmp_path))
    assert set(marks) == {"teacher", "retrieval", "repeat_last", "original", "no_assertion"}
    assert (marks["original"]["pass_rate"], marks["original"]["kill_rate"]) == (1.0, 1.0)
    assert (marks["no_assertion"]["pass_rate"], marks["no_assertion"]["kill_rate"]) == (1.0, 0.0)
    assert marks["no_assertion"]["vacuous_rate"] == 1.0
    assert marks["original"]["assertion_accuracy"] == 1.0


def test_a_text_that_was_run_on_this_machine_is_not_run_again(run_world, monkeypatch):
    cases = planned(run_world)
    ids, texts = [case["id"] for case in cases], ["assert result is not None or 0"] * len(cases)
    first = opened(run_world).judge(ids, texts)
    assert first["pass_rate"] == 1.0
    monkeypatch.setattr(
        suite_runs, "ask_any", lambda *arguments: [] if not arguments[0] else pytest.fail("run")
    )
    assert opened(run_world).judge(ids, texts) == first


@pytest.mark.parametrize("damage", ["killed = '[]'", "killed = NULL", "verdict = '<b>'"])
def test_what_is_damaged_of_what_was_run_is_run_again(run_world, damage):
    case = next(case for case in planned(run_world) if case["counting"])
    asked = [case["id"]], ["assert result is not None or 1"], [case["target"]]
    first = opened(run_world).judge(*asked)
    for file in (run_world / "cache-runs").iterdir():
        with contextlib.closing(sqlite3.connect(file)) as table, table:
            table.execute(f"UPDATE runs SET {damage}")  # noqa: S608 - ours
    assert opened(run_world).judge(*asked) == first


def test_what_does_not_run_once_is_run_a_second_time(run_world, monkeypatch):
    asked, really = [], suite_runs.ask_any

    def busy(examples, *more):
        asked.append(len(examples))
        return [Ran("takes too long")] * len(examples) if len(asked) == 1 else really(examples, *more)

    monkeypatch.setattr(suite_runs, "ask_any", busy)
    case = planned(run_world)[0]
    assert opened(run_world).judge([case["id"]], ["assert result is not None or 2"])["pass_rate"] == 1.0
    assert asked == [1, 1]


def test_a_teacher_disagrees_with_nobody_who_writes_the_same(run_world):
    cases = planned(run_world)
    ids, own, none = [c["id"] for c in cases], [c["target"] for c in cases], [""] * len(cases)
    assert opened(run_world).judge(ids, own, own)["kill_disagreement"] == 0.0
    silent = opened(run_world).judge(ids, none, own)
    assert (silent["parse_rate"], silent["kill_disagreement"]) == (0.0, 1.0)


@pytest.mark.parametrize("file", ["shapes.py", "a test"])
def test_a_file_that_has_changed_since_is_told_and_the_next_launch_runs_the_cases_again(
    file, run_world, tmp_path, small_world, capsys
):
    root = tmp_path / "moved"
    shutil.copytree(run_world, root)
    manifest = json.loads((root / "corpus" / "corpus.json").read_text())
    (root / "corpus" / "corpus.json").write_text(json.dumps(manifest | {"sources": [str(root / "shop")]}))
    case = next(case for case in planned(root) if case["counting"])
    path = root / (case["group"] if file == "a test" else f"shop/{file}")
    path.write_text(f"{path.read_text()}\n")
    with pytest.raises(DataError, match="is another file than when the suite's cases were run: kdray resume"):
        opened(root).judge([case["id"]], [case["target"]])
    prepare(sweep_from(data_of(small_world, root), "test"))
    assert f"{path.name} has changed since the cases of" in capsys.readouterr().err
    assert opened(root).judge([case["id"]], [case["target"]])["pass_rate"] == 1.0


@pytest.mark.parametrize(
    "change", [{"cases": None}, {"cases": [3]}, {"cases": [{}]}, {"known": {"": ["passes", [True] * 99]}}]
)
def test_a_damaged_plan_is_told_in_one_line(run_world, tmp_path, change):
    plan = json.loads((run_world / "suite" / FILE).read_text())
    plan |= {"cases": [plan["cases"][0] | change]} if "known" in change else change
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / FILE).write_text(json.dumps(plan))
    with pytest.raises(DataError, match=r"execution\.json: damaged: remove it, and it is made anew$"):
        opened(tmp_path)
    (tmp_path / "suite" / FILE).write_text("[]")
    with pytest.raises(DataError, match="have not been run with these settings"):
        opened(tmp_path)


def test_cases_that_were_run_when_verdicts_were_others_are_refused(run_world, monkeypatch):
    opened(run_world)
    monkeypatch.setattr("kdray.execution.suite_plan.VERDICTS", -1)
    with pytest.raises(DataError, match="have not been run with these settings"):
        opened(run_world)


def test_cases_that_nobody_ran_with_these_settings_are_refused(run_world):
    config = Execution(cases=7)
    with pytest.raises(DataError, match="have not been run with these settings"):
        SuiteRuns(str(run_world / "suite"), config, how_of(config, None))


def test_a_suite_without_a_corpus_cannot_be_run(small_world, run_world, tmp_path):
    data = data_of(small_world, run_world)
    data["trial"]["corpus"] = str(tmp_path / "gone")
    data["trial"]["evaluation"]["execution"] = {"cases": 3}
    with pytest.raises(ConfigError, match=r"name trial\.corpus"):
        prepare(sweep_from(data, "test"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"execution": False}, "objectives.kill_rate is measured with trial.evaluation.execution true only"),
        (
            {"execution": {"mutants": 0}},
            "objectives.kill_rate is measured with trial.evaluation.execution.mutants",
        ),
        ({"execution": {"case": 3}}, "case"),
        (
            {"execution": {"variants": False}},
            "objectives.variant_pass_rate is measured with trial.evaluation.execution.variants true only",
        ),
    ],
)
def test_an_objective_that_nothing_measures_is_refused(small_world, change, said):
    objectives = {"kill_rate": "max", "variant_pass_rate": "max", "metamorphic_discrepancy": "min"}
    data = world.sweep_data(small_world, objectives=objectives)
    data["trial"]["evaluation"] |= change
    with pytest.raises(ConfigError, match=said):
        sweep_from(data, "test")


def test_true_takes_the_defaults_and_classifiers_write_nothing_to_run(small_world):
    data = world.sweep_data(small_world)
    data["trial"]["evaluation"] |= {"execution": True}
    assert sweep_from(data, "test").trial.evaluation.execution == Execution()
    assert parse(Execution, {}, "test") == Execution()


def test_where_nothing_can_be_run_it_is_said_and_nothing_measured_but_for_an_objective(
    small_world, run_world, tmp_path, monkeypatch, capsys
):
    from kdray.pipeline import running

    def refused(*arguments, **named):
        raise ConfigError("generated code is run confined or not at all: no")

    data = data_of(small_world, run_world)
    data["trial"]["suite"] = str(tmp_path / "suite")
    shutil.copytree(small_world / "suite", tmp_path / "suite")
    with monkeypatch.context() as patch:
        patch.setattr(running, "plan_runs", refused)
        with pytest.raises(ConfigError, match="confined or not at all: no"):
            prepare(sweep_from(data | {"objectives": {"pass_rate": "max", "agreement": "max"}}, "test"))
        sweep = sweep_from(data, "test")
        prepare(sweep)
    said = (
        "warning: evaluation.execution: no assertion is run: generated code is run confined or not at all: no"
    )
    assert said in capsys.readouterr().err
    metrics = train(sweep.trial)
    assert "pass_rate" not in metrics and "run_cases" not in metrics["counts"]
    assert set(references(sweep, str(tmp_path))) == {"teacher", "retrieval", "repeat_last"}
    prepare(sweep)  # the next launch tries again
    assert "tests run here" in capsys.readouterr().err


def test_where_the_test_suite_alone_is_run_trials_are_spared(small_world):
    data = world.sweep_data(small_world)
    data["trial"] |= {"test_suite": "elsewhere"}
    data["trial"]["evaluation"] |= {"execution": {"suites": "test"}}
    trial = sweep_from(data, "test").trial
    assert (trial.runs(trial.suite), trial.runs(trial.test_suite)) == (False, True)
    with pytest.raises(ConfigError, match=r"objectives\.pass_rate is measured in trials"):
        sweep_from(data | {"objectives": {"pass_rate": "max", "metamorphic_discrepancy": "min"}}, "test")
    del data["trial"]["test_suite"]
    with pytest.raises(ConfigError, match="suites test has no effect without test_suite"):
        sweep_from(data, "test")


def test_a_variant_passes_with_its_own_assertion_and_an_answer_to_it_is_run_in_it(varied_world):
    root, sweep = varied_world
    variants = [variant for case in planned(root) for variant in case["variants"]]
    assert variants
    for variant in variants:
        assert variant["known"][variant["target"]][0] == "passes"
        assert all(variant["known"][variant["target"]][1])
        assert not any(variant["known"][""][1])
    assert any(variant["counting"] for variant in variants)
    runs = SuiteRuns(
        str(root / "suite"), config := sweep.trial.evaluation.execution, how_of(config, sweep.trial.corpus, 1)
    )
    names, own = [one["id"] for one in variants], [one["target"] for one in variants]
    same = runs.judge_variants(names, own, own)
    assert (same["variant_pass_rate"], same["variant_kill_disagreement"]) == (1.0, 0.0)
    assert same["counts"]["run_cases_of_variants"] == len(variants)
    wrong = runs.judge_variants(names, ["assert 1 > 2"] * len(names), own)
    assert (wrong["variant_pass_rate"], wrong["variant_kill_disagreement"]) == (0.0, 1.0)


def test_a_trial_and_its_teacher_report_what_their_answers_to_variants_say(varied_world, tmp_path):
    _, sweep = varied_world
    metrics = train(sweep.trial)
    for name in ("variant_pass_rate", "variant_kill_disagreement"):
        low, high = metrics["intervals"][name]
        assert low <= metrics[name] <= high
    assert 0 <= references(sweep, str(tmp_path))["teacher"]["variant_pass_rate"] <= 1


def test_variants_whose_sources_a_suite_does_not_hold_are_not_run(varied_world, monkeypatch, capsys):
    from kdray.pipeline import running

    root, sweep = varied_world
    (root / "suite" / FILE).unlink()
    opened_suite = running.Suite.open
    monkeypatch.setattr(running.Suite, "open", lambda folder: replace(opened_suite(folder), contexts=[]))
    prepare(sweep)
    assert "does not hold its variants' sources: remove it" in capsys.readouterr().err


def test_variants_of_java_are_said_not_to_be_run():
    case = {
        "id": "c", "group": "g", "test": "t", "target": "a();", "context": "", "language": "java", "counting": [],
        "known": {},
    }  # fmt: skip
    left_out = LeftOut()
    variations = {"c": [Variation("c rename", "", "a();", "a();")]}
    _add_variants([case], variations, Execution(variants=True), How(), left_out)
    assert case["variants"] == []
    assert left_out.because() == {"variants of java are not run": {"count": 1, "first": "c rename"}}
