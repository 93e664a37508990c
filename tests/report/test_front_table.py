"""The front in the terminal says the same as the records."""

from __future__ import annotations

import io

from rich.console import Console

from kdray.report import describe
from kdray.report.front import front
from kdray.report.front_table import caption, front_table
from kdray.report.on_runs import runs_table
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


def test_runs_that_a_damaged_record_does_not_count_are_told_without_their_number():
    for counts, told in ({"run_cases": 60}, 60), ({"run_cases": "x"}, 0), (3, 0):
        rung = {"step": 1, "a": 0.5, "pass_rate": 0.5, "counts": counts}
        table = runs_table(front([TrialRecord("t0000", 0, "complete", {}, {}, (rung,))], {"a": "max"}))
        assert table is not None and table.heads[0] == f"{told} tests run"
