"""Numbers and settings in words."""

from __future__ import annotations

from kdray.report.describe import mean_and_ends


def test_a_mean_names_the_ends_where_there_are_several():
    assert mean_and_ends([0.25]) == "0.250"
    assert mean_and_ends([0.2, 0.4]) == "0.300 (0.200\u20130.400)"
