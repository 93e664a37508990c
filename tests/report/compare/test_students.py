"""Students of several sweeps: which filters keep them, in which order and words they are shown."""

from __future__ import annotations

import pytest

from kdray.errors import ConfigError
from kdray.report.compare.settings import metric_title
from kdray.report.compare.students import baselines, groups, labels, students, titles
from kdray.report.describe import NOTHING
from kdray.report.sources import Source
from tests.report.compare.made_up import BOTH, GRID, trial


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("shards == full", [1]),
        ("shards == runs/d/full", [1]),
        ("shards != full", [0]),
        ("shards != runs/d/full", [0]),
        ("distil.alpha != 0.5", [1]),
        ("ece < 1", [0]),  # the other has none
        ("ece != 7", [0]),
    ],
)
def test_a_filter_of_text_takes_a_path_or_its_last_part(where, kept):
    records = [trial(0, 0.5, 0, 0.3, 0.5, ece=0.2), trial(1, 0.9, 0, 0.3, 0.5, shards="runs/d/full")]
    assert [record.number for record in students([Source("a", records, {}, BOTH)], [where]).records] == kept


def test_a_number_is_not_compared_with_text():
    with pytest.raises(ConfigError, match="is not like"):
        students([Source("a", GRID, {}, BOTH)], ["student_params == many"])


def test_rows_are_in_the_order_of_their_values_and_metrics_are_settings_too():
    records = [trial(n, alpha, n, 0.1, 0.2) for n, alpha in enumerate([10, 9, None, "x", 0.5])]
    assert [values[0] for values in groups(records, ["distil.alpha"])] == [0.5, 9, 10, "x", None]
    assert list(groups(records, ["student_params"])) == [(1_000_000,)]


def test_paths_are_shown_by_their_last_part_where_that_tells_them_apart():
    assert labels(["runs/d/head", "runs/d/full"]) == ["head", "full"]
    assert labels(["runs/d/head", "runs/e/head"]) == ["runs/d/head", "runs/e/head"]
    assert labels([0.1, 2, None, True]) == ["0.1", "2", NOTHING, "true"]
    assert metric_title("clean_prediction_agreement") == "violated: clean prediction agreement ↓"
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
