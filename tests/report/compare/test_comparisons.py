"""What `kdray compare --by` and `--near` print, from folders and from tables, and what a user may get wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kdray.errors import ConfigError, DataError
from kdray.report.compare.comparisons import at_equal_budget
from kdray.report.compare.same_cases import answered
from kdray.report.describe import NOTHING
from tests.report.compare.made_up import BOTH, GRID, ask, table, trial


def test_folders_and_tables_are_pooled_and_a_repetition_counts_once(tmp_path):
    other = [trial(0, 0.5, 0, 0.30, 0.5), trial(1, 0.9, 0, 0.25, 0.5)]
    found = [table(tmp_path), table(tmp_path, other, {}, "other")]
    data = json.loads(ask(found, by="distil.alpha", form="json"))
    assert [(row["settings"]["distil.alpha"], row["trials"]) for row in data["rows"]] == [
        (0, 1),
        (0.5, 3),
        (0.9, 1),
    ]
    assert data["repeated"] == 1
    assert data["show"] == list(BOTH)
    assert data["rows"][1]["metrics"]["assertion_accuracy"]["each"] == [0.30, 0.32, 0.31]
    assert "left out as repetitions, settings and seed alike: 1" in ask(found, by="distil.alpha")


def test_students_of_other_cases_are_compared_with_a_word(tmp_path, caplog):
    def judged(name, *, of="", cases=9):
        settings = {"suite": name, "evaluation": {"cases": cases}}
        return [
            replace(
                one,
                trial={**one.trial, **settings},
                rungs=({**one.metrics, **({"outcomes": {"of": of}} if of else {})},),
            )
            for one in GRID
        ]

    first = table(tmp_path, judged("a/valid"), {}, "first")
    same = table(tmp_path, judged("a/valid"), {}, "same")
    budget = {"budget": "trials", "objectives": None, "where": (), "svg": None, "form": "markdown"}
    at_equal_budget({"first": [first], "same": [same]}, **budget)
    ask([first, same], by="distil.alpha")
    assert not caplog.records
    for number, made in enumerate((judged("b/valid"), judged("a/valid", cases=8))):
        other = table(tmp_path, made, {}, f"other{number}")
        at_equal_budget({"first": [first], "other": [other]}, **budget)
        made_later = [replace(one, number=one.number + 9, key=f"t{one.number + 9:04d}") for one in made]
        ask(
            [first, table(tmp_path, made_later, {}, f"later{number}")],
            by="distil.alpha,evaluation.cases,suite",
        )
    assert [record.getMessage().split(" (")[1].split(")")[0] for record in caplog.records] == [
        "a/valid, 9 cases; b/valid, 9 cases",
        "a/valid, 8 cases; a/valid, 9 cases",
    ]
    # Where it is known which cases they were, their suite's name says nothing.
    assert len(answered([*judged("a", of="x"), *judged("b", of="x")])) == 1
    assert len(answered([*judged("a", of="x"), *judged("a", of="y")])) == 2


def test_filters_take_metrics_and_settings(tmp_path):
    found = table(tmp_path)
    said = ask([found], by="seed", where=["distil.alpha == 0.5", "assertion_accuracy > 0.305"])
    assert [line.split(" | ")[0] for line in said.splitlines()[2:4]] == ["| 1", "| 2"]
    with pytest.raises(ConfigError, match=r"did you mean 'distil\.alpha'"):
        ask([found], by="seed", where=["distil.alhpa == 0.5"])
    with pytest.raises(ConfigError, match="no complete trial keeps the filters"):
        ask([found], by="seed", where=["distil.alpha == 7"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"by": "distil.alpah"}, "--by: no setting or metric 'distil.alpah', did you mean 'distil.alpha'"),
        ({"by": "seed", "show": "asertion_accuracy"}, "did you mean 'assertion_accuracy'"),
        ({"by": "seed,seed"}, "--by: 'seed' is named twice"),
        ({"show": "assertion_accuracy"}, "--show needs --by"),
        ({"by": ","}, "needs --by"),
        ({"near": 0.01, "show": "ece"}, "--show belongs to --by without --near"),
        ({"near": 0.01, "against": "seed=0"}, "--against belongs to --by without --near"),
        ({"against": "seed=0"}, "--against needs --by"),
        ({"by": "seed", "against": "seed"}, "--against: 'seed' is not like distil.alpha=0"),
        ({"by": "seed", "against": "sede=0"}, "--against: 'sede' is not in --by, did you mean 'seed'"),
        ({"by": "seed", "against": "seed=7"}, "--against: no row has seed '7'"),
        ({"by": "seed", "against": "seed=0", "svg": "x.svg"}, "--svg draws the values themselves"),
        ({"near": 0.01, "svg": "x.svg"}, "--svg belongs to --by without --near"),
        ({"by": "shards", "svg": "x.svg"}, "--svg: shards is not a number everywhere"),
        ({"near": -1.0}, "--near -1"),
        ({"near": 0.01, "objectives": "assertion_accuracy:max"}, "one objective to maximise and one to minimise"),
        ({"near": 0.01, "by": "sede"}, "did you mean 'seed'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(tmp_path, changes, said):
    with pytest.raises(ConfigError) as raised:
        ask([table(tmp_path)], **changes)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_learning_curves_are_rows_by_step_from_folders_tables_and_teachers(tmp_path):
    first = {"step": 3, "assertion_accuracy": 0.1, "metamorphic_discrepancy": 0.9}
    records = [replace(one, rungs=(first, *one.rungs)) for one in GRID]
    found = ask([table(tmp_path, records)], by="step,distil.alpha", show="assertion_accuracy").splitlines()
    assert found[0].startswith("| step | alpha | trials |")
    assert found[2].startswith("| 3 | 0 | 1 | 0.100 ")
    assert found[5].startswith("| 9 | 0.5 | 3 | 0.310 [")
    (tmp_path / "training.json").write_text(
        json.dumps(
            {"recipe": {"seed": 0}, "seconds": 9.0, "learning_curve": [{"step": 5, "held_out_loss": 2.5}]}
        )
    )
    assert "| 5 | 1 | 2.500 |" in ask([str(tmp_path)], by="step", show="held_out_loss")
    (tmp_path / "training.json").write_text("{}")
    with pytest.raises(DataError, match="no field 'recipe'"):
        ask([str(tmp_path)], by="step", show="held_out_loss")


def test_a_table_named_twice_is_refused(tmp_path):
    found = table(tmp_path)
    with pytest.raises(ConfigError, match="is named twice"):
        ask([found, found], by="seed")


def test_a_terminal_gets_the_same_cells(tmp_path):
    said = ask([table(tmp_path)], by="distil.alpha", form="text")
    assert f"0.200 [.160{NOTHING}.240]" in said
    assert "teacher" in said
