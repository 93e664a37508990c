"""What students were chosen by beside what they reached on the test suite, and what older ones are marked as."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kdray.report.formats import summary
from kdray.report.front import front
from kdray.report.front_table import caption
from kdray.report.on_test import NOT_YET, OWN_TEST_SET, optimism, standing, test_table
from kdray.results import TrialRecord

table_of = test_table  # not collected as a test
del test_table
BOTH = {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}


def record(number, *, test=None, **folders):
    rung = {"step": 1, "assertion_accuracy": 0.3 - number / 100, "metamorphic_discrepancy": 0.5}
    return TrialRecord(f"t{number:04d}", number, "complete", {}, folders, (rung,), test=test or {})


def test_optimism_is_how_much_better_an_objective_was_where_it_chose():
    found = optimism(record(0, test={"assertion_accuracy": 0.25, "metamorphic_discrepancy": 0.52}), BOTH)
    assert found == pytest.approx({"assertion_accuracy": 0.05, "metamorphic_discrepancy": 0.02})
    assert optimism(record(0), BOTH) == {}
    assert optimism(record(0, test={"assertion_accuracy": None}), BOTH) == {}  # no number, no difference


def test_only_judged_students_are_in_the_table_and_baselines_have_no_optimism():
    records = [record(0, test={"assertion_accuracy": 0.25}), record(1)]
    held = {"assertion_accuracy": 0.5, "test": {"assertion_accuracy": 0.4}}
    # Of what was told nothing about is told nothing.
    found = table_of(front(records, BOTH), {"teacher": held, "none": {"test": {"kill_rate": 0.0}}})
    assert [list(row) for row in found.rows] == [["t0000", "0.300", "0.250", "+0.050"]]
    assert [list(row) for row in found.below] == [["teacher", "0.500", "0.400", "\u2013"]]
    assert table_of(front(records[1:], BOTH)) is None


def test_a_script_finds_both_and_the_difference():
    records = [record(0, test={"assertion_accuracy": 0.25, "intervals": {"assertion_accuracy": [0.2, 0.3]}})]
    (row,) = summary(front(records, BOTH), records)["rows"]
    assert (row["test.assertion_accuracy"], row["test.assertion_accuracy_low"]) == (0.25, 0.2)
    assert row["optimism.assertion_accuracy"] == pytest.approx(0.05)


def test_a_sweep_of_one_suite_is_marked_as_chosen_on_its_own_test_set():
    old, new = record(0, suite="s"), record(0, suite="s", test_suite="t")
    assert standing([old]) == OWN_TEST_SET
    assert caption(front([old], BOTH), [old]).endswith(OWN_TEST_SET)
    assert standing([new]) == NOT_YET
    assert standing([replace(new, test={"assertion_accuracy": 0.1})]) == ""
    assert standing([record(0)]) == standing([]) == ""
