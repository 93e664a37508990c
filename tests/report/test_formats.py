"""Table, CSV, JSON, LaTeX and Markdown say the same as the records."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math

from rich.console import Console

from kdray.report import csv_table, describe, formats
from kdray.report.front import front
from kdray.report.front_table import caption, front_table
from kdray.results import TrialRecord


def printed(table, width=120):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(table)
    return console.file.getvalue()


def test_the_table_shows_front_members_first_with_intervals_and_the_teacher_last(experiment, found):
    text = printed(front_table(found, experiment.baselines))
    lines = [line for line in text.splitlines() if "t0" in line]
    assert [line.split()[1] for line in lines[: len(found.members)]] == [
        member.key for member in found.members
    ]
    assert all(line.strip()[0] in "●◆" for line in lines[: len(found.members)])
    assert all(line.strip()[0] == "t" for line in lines[len(found.members) :])
    assert text.count("◆") == 1
    best = found.members[0]
    assert describe.metric(best, "assertion_accuracy") in text
    assert describe.architecture(best) in text
    assert text.index("teacher") > text.index(lines[-1])


def test_the_table_never_cuts_the_front(found):
    shown = printed(front_table(found, rows=1))
    assert shown.count("t0") == len(found.members)
    assert printed(front_table(found, rows=None)).count("t0") == len(found.candidates)
    assert printed(front_table(found, everything=False)).count("t0") == len(found.members)


def test_a_name_in_square_brackets_is_no_markup(found):
    assert "[red]x" in printed(front_table(found, {"[red]x": {"assertion_accuracy": 0.1}}))


def test_the_caption_counts_states_and_names_the_reference_point(experiment, found):
    text = caption(found, experiment.records)
    complete = sum(record.state == "complete" for record in experiment.records)
    assert text.startswith(f"60 trials: {complete} complete")
    assert "up to assertion accuracy" in text
    assert caption(front([], found.objectives), []).startswith("no trial yet; 0 on the front")


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


def test_numbers_are_short_and_never_lie_about_nothing():
    assert [describe.number(x) for x in (0.1634, 12.53, 1234.0, 0.0, math.nan, None)] == [
        "0.163", "12.53", "1,234", "0.000", "\u2013", "\u2013",
    ]  # fmt: skip
    assert [describe.count(x) for x in (950, 812_993, 6_291_456, 2.5e9)] == [
        "950",
        "813 K",
        "6.29 M",
        "2.5 B",
    ]


def test_architectures_of_both_families_are_named():
    t5 = {
        "family": "t5",
        "encoder_layers": 2,
        "decoder_layers": 1,
        "hidden": 64,
        "heads": 2,
        "feed_forward": 96,
    }
    assert (
        describe.architecture(TrialRecord("t0000", 0, "complete", {}, {"student": t5}, ()))
        == "t5 2+1x64 h2 ff96"
    )
    own = {"family": "llama", "layers": 2, "hidden": 64, "tokenizer": "word", "vocab": 500}
    record = TrialRecord("t0000", 0, "complete", {}, {"student": own}, ())
    assert describe.architecture(record) == "llama 2x64 word500"
    assert describe.architecture(TrialRecord("t0000", 0, "complete", {}, {}, ())) == ""
