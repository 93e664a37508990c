"""Filters: what a trial must say to be kept."""

from __future__ import annotations

import pytest

from kdray.errors import ConfigError
from kdray.report.compare.students import students
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
