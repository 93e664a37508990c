"""Table, CSV, JSON, LaTeX and Markdown say the same as the records."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math

from kdray.report import csv_table, formats


def test_csv_holds_every_trial_and_every_number_unrounded(experiment, found):
    lines = list(csv.DictReader(io.StringIO(csv_table.to_csv(found, experiment.records))))
    assert len(lines) == sum(max(1, len(record.rungs)) for record in experiment.records)
    read = [line for line in lines if line["state"] != "rung"]
    assert [line["trial"] for line in read] == [record.key for record in experiment.records]
    for line, record in zip(read, experiment.records, strict=True):
        assert line["state"] == record.state
        assert float(line["distil.alpha"]) == record.overrides["distil.alpha"]
        if record.rungs:
            assert float(line["metamorphic_discrepancy"]) == record.metrics["metamorphic_discrepancy"]
            assert float(line["agreement_low"]) == record.metrics["intervals"]["agreement"][0]
    assert {line["trial"] for line in read if line["front"] == "True"} == {m.key for m in found.members}


def test_json_is_strict_and_holds_the_front(experiment, found):
    record = experiment.records[0]
    broken = dataclasses.replace(record, rungs=({**record.metrics, "train_loss": math.nan},))
    data = json.loads(formats.to_json(found, [broken, *experiment.records[1:]], experiment.baselines))
    assert data["front"] == [member.key for member in found.members]
    assert data["hypervolume"] == found.hypervolume
    assert data["reference_point"] == found.reference
    assert data["rows"][0]["train_loss"] is None
    assert data["references"]["teacher"]["assertion_accuracy"] == 0.243
    assert sum(data["trials"].values()) == len(data["rows"]) == 60


def test_latex_escapes_what_latex_would_read(found):
    text = formats.to_latex(found, {r"50% & \more_{x}": {"assertion_accuracy": 0.1}})
    assert r"50\% \& \textbackslash{}more\_\{x\}" in text
    assert text.count(r"\\") == 2 + len(found.members)
    assert r"\toprule" in text


def test_markdown_rows_have_as_many_cells_as_the_head(found):
    lines = formats.to_markdown(found, {"a|b": {"assertion_accuracy": 0.1}}).splitlines()
    assert len(lines) == 3 + len(found.members)
    assert "a\\|b" in lines[-1]
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
