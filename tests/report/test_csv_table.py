"""Trials as CSV and back: a table stands in for the experiment folder it came from."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from kdray.errors import DataError
from kdray.report import csv_table, describe
from kdray.report.csv_table import parse, read, to_csv
from kdray.report.front import front
from kdray.report.show import report, table_text
from kdray.report.sources import source
from kdray.results import TrialRecord
from tests.report.simulated import simulate

BOTH = {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}


def again(tmp_path, records, references=None, objectives=BOTH):
    path = tmp_path / "t.csv"
    path.write_text(to_csv(front(records, objectives), records, references), newline="")
    return source(str(path))


def test_a_simulated_sweep_comes_back_with_all_that_a_table_needs(tmp_path, experiment):
    found = again(tmp_path, experiment.records, experiment.baselines)
    assert found.objectives == experiment.sweep.objectives
    assert found.baselines == experiment.baselines
    for old, new in zip(experiment.records, found.records, strict=True):
        assert (new.key, new.number, new.state, new.reason) == (old.key, old.number, old.state, old.reason)
        assert (new.overrides, new.trial, new.seconds) == (old.overrides, old.trial, old.seconds)
        assert describe.architecture(new) == describe.architecture(old)
        numbers = {k: v for k, v in old.metrics.items() if isinstance(v, (int, float)) and k != "seconds"}
        assert {k: v for k, v in new.metrics.items() if k != "intervals"} == numbers
        assert new.metrics.get("intervals", {}) == old.metrics.get("intervals", {})
        for was, now in zip(old.rungs[:-1], new.rungs[:-1], strict=True):
            assert now["step"] == was["step"]
            assert now["assertion_accuracy"] == was["assertion_accuracy"]
            assert now.get("intervals", {}) == was.get("intervals", {})
    assert any(len(record.rungs) > 1 for record in found.records)
    before = front(experiment.records, BOTH), experiment.records, experiment.baselines
    assert table_text(front(found.records, BOTH), found.records, found.baselines) == table_text(*before)


def test_an_older_tables_shares_of_violations_are_read_under_the_names_that_say_so(experiment):
    text = to_csv(front(experiment.records, BOTH), experiment.records)
    assert "prediction_agreement_violated_low" in text
    assert parse(text.replace("_violated", ""), "t.csv") == parse(text, "t.csv")


def test_written_again_a_table_is_the_same(tmp_path, experiment):
    text = to_csv(front(experiment.records, BOTH), experiment.records, experiment.baselines)
    found = again(tmp_path, experiment.records, experiment.baselines)
    assert to_csv(front(found.records, BOTH), found.records, found.baselines) == text


def test_a_sweep_over_whole_students_is_reported_written_and_read_again(tmp_path):
    folder = simulate(tmp_path / "one", 40, cases=0)
    trials = [yaml.safe_load(path.read_text()) for path in folder.glob("trials/*/trial.yaml")]
    shapes = [{name: trial["student"][name] for name in ("family", "layers", "hidden")} for trial in trials]
    space = {
        "distil.alpha": {"range": [0.0, 1.0]},
        "student": list(map(json.loads, dict.fromkeys(map(json.dumps, shapes)))),
    }
    sweep = yaml.safe_load((folder / "sweep.yaml").read_text())
    (folder / "sweep.yaml").write_text(yaml.safe_dump(sweep | {"space": space}))
    files = {"csv": str(tmp_path / "t.csv"), "html": str(tmp_path / "t.html")}
    said = report([str(folder)], objectives=None, where=(), files=files, as_json=False)
    assert report([files["csv"]], objectives=None, where=(), files={}, as_json=False) == said
    for old, new in zip(source(str(folder)).records, source(files["csv"]).records, strict=True):
        assert (new.overrides, new.trial) == (old.overrides, old.trial)


words = st.text(st.characters(codec="utf-8"), max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words
values = scalars | st.lists(scalars, max_size=3)
numbers = st.integers() | st.floats()
finite = st.floats(allow_nan=False, allow_infinity=False)
metrics = st.dictionaries(st.sampled_from(["assertion_accuracy", "ece", "höhe, m", "x y"]), numbers)
intervals = st.dictionaries(st.sampled_from(["assertion_accuracy", "ece"]), st.tuples(finite, finite))
settings = st.dictionaries(
    st.sampled_from(["distil.alpha", "student.hidden", "seed", "shards", "optim.lr", "deepspeed.a.b"]), values
)
states = st.sampled_from(["running", "complete", "pruned", "failed"])


@given(st.lists(st.tuples(states, settings, metrics, intervals, words, st.floats(0, 1e9)), max_size=4))
@example([("running", {"student.hidden": "\r"}, {}, {}, "\r", 0.0)])  # csv does not quote one
def test_whatever_is_written_is_read(made):
    records = []
    for number, (state, chosen, marks, ends, reason, seconds) in enumerate(made):
        rung = {"step": number, **marks, "intervals": {k: list(v) for k, v in ends.items() if k in marks}}
        trial = csv_table._nested(chosen, "")
        records.append(TrialRecord(f"t{number:04d}", number, state, chosen, trial, (rung,), reason, seconds))
    empty = front([], {"a": "max"})
    again, references = parse(to_csv(empty, records, {"teacher": {"ece": 0.5}}), "t.csv")
    assert references == {"teacher": {"ece": 0.5}}
    for old, new in zip(records, again, strict=True):
        before, after = ({**record.metrics} for record in (old, new))
        assert after.pop("intervals", {}) == before.pop("intervals")
        assert repr(sorted(after.items())) == repr(sorted(before.items()))
        assert repr(sorted(new.overrides.items())) == repr(sorted(old.overrides.items()))
        assert new.trial == old.trial
        assert (new.state, new.reason, new.seconds) == (old.state, old.reason, old.seconds)


@given(st.lists(st.sampled_from([*'=+-@;|,"\n\r\t \uff1da1']), max_size=6).map("".join))
@example("=cmd|' /C calc'!A0")
@example("1;=cmd|' /C calc'!A0")
def test_no_cell_is_a_formula_to_a_spreadsheet(text):
    rung = {"step": 1, text: 0.5}
    record = TrialRecord(
        "t0000", 0, "failed", {"shards": text}, {"shards": text, "suite": text}, (rung,), text, 1.0
    )
    made = to_csv(front([], {"a": "max"}), [record], {text: {"ece": 0.5}})
    assert not {";", "\t", "\r"} & {*made}
    for cell in (cell for row in csv.reader(io.StringIO(made, newline="")) for cell in row):
        assert cell[:1] not in (*"=+-@\uff1d",), cell
    again, references = parse(made, "t.csv")
    assert again[0].overrides == {"shards": text}
    assert (again[0].reason, list(references)) == (text, [text])


HEADS = ",".join((*csv_table.HEAD, *csv_table.TAIL))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a table of `kdray pareto --csv` (it has no column 'trial')"),
        ("a,b\n1,2\n", "it has no column 'trial'"),
        (f"{HEADS},ece,ece\n", "two columns are called 'ece'"),
        (f"{HEADS}\nt0000,complete\n", "line 2: 2 cells, not 10"),
        (f"{HEADS}\nt0000,done,,,,,,,,\n", "line 2: state is 'done', known: running, complete"),
        (f"{HEADS}\nseven,complete,,,,,,,,\n", "trial is 'seven', not like t0007"),
        (f"{HEADS},ece\nt0000,complete,,,,,1,2,,,high\n", "line 2: ece is 'high', not a number"),
        (f"{HEADS}\nt0000,complete,,,,,1.5,2,,\n", "step is '1.5', not a whole number"),
        (f"{HEADS}\nt0000,rung,,,,,1,,,\n", "a rung of 't0000', which is no trial there"),
        (f"{HEADS}\nt0000,failed,,,,,,,,\nt0000,failed,,,,,,,,\n", "line 3: 't0000' is there twice"),
        (f'{HEADS}\n"t0000', "not CSV"),
        (f"{HEADS},seed,trial.seed.x\nt0000,failed,,,,,,,,,1,2\n", "'seed' is a setting and has parts"),
    ],
)
def test_a_damaged_or_foreign_table_costs_one_line(tmp_path, text, said):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataError) as raised:
        read(str(path))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_table_that_is_not_text_or_not_there_costs_one_line(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not CSV"):
        read(str(tmp_path / "t.csv"))
    with pytest.raises(DataError):
        read(str(tmp_path / "none.csv"))


def test_numbers_that_are_not_finite_stay_what_they_are(tmp_path):
    marks = {"step": 1, "assertion_accuracy": 0.1, "metamorphic_discrepancy": math.inf, "ece": math.nan}
    (record,) = again(tmp_path, [TrialRecord("t0000", 0, "complete", {}, {}, (marks,))]).records
    assert record.metrics["metamorphic_discrepancy"] == math.inf
    assert math.isnan(record.metrics["ece"])
