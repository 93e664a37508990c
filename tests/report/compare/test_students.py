"""Students of several sweeps: in which order and words they are shown, and what they are held against."""

from __future__ import annotations

from kdray.report.compare.settings import metric_title
from kdray.report.compare.students import baselines, groups, labels, titles
from kdray.report.describe import NOTHING
from kdray.report.sources import Source
from tests.report.compare.made_up import BOTH, GRID, trial


def test_rows_are_in_the_order_of_their_values_and_metrics_are_settings_too():
    records = [trial(n, alpha, n, 0.1, 0.2) for n, alpha in enumerate([10, 9, None, "x", 0.5])]
    assert [values[0] for values in groups(records, ["distil.alpha"])] == [0.5, 9, 10, "x", None]
    assert list(groups(records, ["student_params"])) == [(1_000_000,)]


def test_paths_are_shown_by_their_last_part_where_that_tells_them_apart():
    assert labels(["runs/d/head", "runs/d/full"]) == ["head", "full"]
    assert labels(["runs/d/head", "runs/e/head"]) == ["runs/d/head", "runs/e/head"]
    assert labels([0.1, 2, None, True]) == ["0.1", "2", NOTHING, "true"]
    assert metric_title("clean_prediction_agreement_violated") == "violated: clean prediction agreement ↓"
    assert metric_title("agreement") == "agreement ↑"
    assert titles(["distil.alpha", "seed"]) == ["alpha", "seed"]
    assert titles(["student.layers", "teacher.layers"]) == ["student.layers", "teacher.layers"]


def test_baselines_of_one_name_and_different_values_say_whose_they_are():
    sources = [
        Source(name, GRID, {"teacher": {"assertion_accuracy": accuracy, "seconds": at}, "none": {}}, BOTH)
        for at, (name, accuracy) in enumerate((("x/a.csv", 0.4), ("b", 0.4), ("runs/c", 0.5)))
    ]
    assert list(baselines(sources, ["assertion_accuracy"])) == ["teacher (a)", "teacher (c)"]
    assert list(baselines(sources[:2], ["assertion_accuracy"])) == ["teacher"]  # other numbers do not matter
    assert baselines(sources, ["ece"]) == {}
