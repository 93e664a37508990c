"""Where a report's numbers come from: a table in an experiment folder's stead."""

from __future__ import annotations

import json

import pytest
import yaml

from kdray.errors import ConfigError
from kdray.report.csv_table import read, to_csv
from kdray.report.front import front
from kdray.report.show import report
from kdray.report.sources import source
from kdray.results import TrialRecord
from tests.report.simulated import simulate

BOTH = {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}


def again(tmp_path, records, references=None, objectives=BOTH):
    path = tmp_path / "t.csv"
    path.write_text(to_csv(front(records, objectives), records, references), newline="")
    return source(str(path))


def test_a_classifier_has_its_own_accuracy_and_a_table_of_anything_else_no_objective(tmp_path):
    def of(**marks):
        records = [TrialRecord("t0000", 0, "complete", {}, {}, ({"step": 1, **marks},))]
        return again(tmp_path, records, objectives=dict.fromkeys(marks, "max")).objectives

    assert of(accuracy=0.5, metamorphic_discrepancy=0.1) == {
        "accuracy": "max", "metamorphic_discrepancy": "min",
    }  # fmt: skip
    assert of(ece=0.1) == {}


def test_the_front_of_a_table_is_the_front_of_its_folder(tmp_path):
    folder, table = str(simulate(tmp_path / "one", 20, cases=0)), str(tmp_path / "t.csv")
    asked = {"objectives": None, "where": (), "as_json": False}
    said = report([folder], files={"csv": table}, **asked)
    assert report([table], files={}, **asked) == said
    data = json.loads(report([table], files={}, **(asked | {"as_json": True})))
    assert data["front"]
    assert "history" not in data  # a table does not say how many devices a trial had
    with pytest.raises(ConfigError, match=r"--html: .* has no sweep file and no cases"):
        report([table], files={"html": str(tmp_path / "x.html")}, **asked)
    assert not (tmp_path / "x.html").exists()


def test_a_table_without_an_objective_asks_for_one(tmp_path):
    records = [TrialRecord("t0000", 0, "complete", {}, {}, ({"step": 1, "ece": 0.5},))]
    (tmp_path / "t.csv").write_text(to_csv(front(records, {"ece": "min"}), records), newline="")
    asked = {"where": (), "files": {}, "as_json": False}
    with pytest.raises(ConfigError, match="name --objectives"):
        report([str(tmp_path / "t.csv")], objectives=None, **asked)
    assert "t0000" in report([str(tmp_path / "t.csv")], objectives="ece:min", **asked)


def test_a_table_names_no_machine(tmp_path):
    folder = simulate(tmp_path / "runs" / "one", 3, cases=0)
    sweep = yaml.safe_load((folder / "sweep.yaml").read_text())
    (folder / "sweep.yaml").write_text(yaml.safe_dump(sweep | {"storage": str(tmp_path / "runs")}))
    for path in folder.glob("trials/*/trial.yaml"):
        trial = yaml.safe_load(path.read_text())
        path.write_text(
            yaml.safe_dump(trial | {"shards": f"{tmp_path}/runs/data/signal", "corpus": "/srv/c"})
        )
        (path.parent / "state.json").write_text(
            json.dumps({"state": "failed", "reason": f"{tmp_path}/runs/data/signal: gone", "seconds": 1})
        )
    table = tmp_path / "t.csv"
    report([str(folder)], objectives=None, where=(), files={"csv": str(table)}, as_json=False)
    assert str(tmp_path) not in table.read_text()
    record = read(str(table))[0][0]
    assert (record.setting("shards"), record.setting("corpus")) == ("runs/data/signal", "/srv/c")
    assert record.reason == "runs/data/signal: gone"
