"""Headlines and tables, with figures known beforehand."""

from __future__ import annotations

import pytest

from kdray.metamorphic.compare_models.result import up_to
from kdray.report.describe import NOTHING
from kdray.report.models.tables import tables
from tests.report.models.made_up import column, comparison


def test_the_headlines_are_the_greatest_figures_that_enough_inputs_stand_behind():
    found = up_to((comparison(),))
    assert found["violating"] == {"share": 0.75, "student": "student", "column": "alert"}
    assert "high_confidence_preservation" not in found
    # Drops: teacher 4/40 of .8, student 12/40 of .8; the duel in which the teacher stands has no ratio.
    assert found["greater_drop"]["share"] == pytest.approx(2.0)
    assert found["greater_drop"]["column"] == "alert"


def test_a_column_of_two_inputs_makes_no_headline():
    few = comparison(columns=(column("permute", 2, 2),), duels=())
    assert up_to((few,)) == {}


def test_rows_are_students_with_their_technique_and_columns_each_transformation_and_attack():
    rows = [
        comparison("small", technique="Compressor"),
        comparison("tiny", columns=(column("layout", 1, 40),)),
    ]
    found = {name: (heads, body) for name, heads, body in tables(rows)}
    heads, body = found["Violated: prediction agreement"]
    assert heads == ["student (technique)", "comments", "permute", "layout", "alert"]
    assert body[0] == ["small (Compressor)", "50.0 %", "100.0 %", NOTHING, "75.0 %"]
    assert body[1][1:] == [NOTHING, NOTHING, "2.5 %", NOTHING]
    assert found["Violated: high confidence preservation"][1][0][1] == NOTHING


def test_the_attacks_table_says_what_each_model_lost_and_by_how_much_more():
    _, heads, body = list(tables([comparison()]))[-1]
    teacher, student = (dict(zip(heads, line, strict=True)) for line in body[:2])
    assert (teacher["ASR"], student["ASR"]) == ("12.5 %", "37.5 %")
    assert (student["clean"], student["attacked"], student["drop"]) == ("80.0 %", "50.0 %", "37.5 %")
    assert student["student's drop greater by"] == "200 %"
    assert body[3][-1] == NOTHING, "a teacher that stands gives no ratio"


def test_the_clean_inputs_have_a_table_of_metrics_for_both_models():
    _, heads, body = list(tables([comparison()]))[1]
    teacher, student = (dict(zip(heads, line, strict=True)) for line in body)
    assert (teacher["accuracy"], student["accuracy"]) == ("95.0 %", "90.0 %")
    assert teacher["f1"] == NOTHING, "what was not measured is not shown"
    assert (teacher["PA"], student["PA"]) == ("", "2.5 %")
