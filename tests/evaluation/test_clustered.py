"""Shares of cases that come in files: wider where files are alike, Wilson's where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kdray.evaluation.intervals import clustered, wilson


def test_with_a_file_for_each_case_or_one_file_it_is_wilsons():
    hits = np.arange(50) < 12
    for group in (np.arange(50), np.zeros(50)):
        assert clustered(hits, group) == wilson(12, 50)
    assert clustered(np.zeros(0, bool), np.zeros(0)) == (0.0, 1.0)


def test_files_that_are_all_right_or_all_wrong_count_as_one_case_each():
    hits = np.repeat(np.arange(40) < 10, 5)
    low, high = clustered(hits, np.repeat(np.arange(40), 5))
    alone_low, alone_high = wilson(10, 40)
    assert high - low == pytest.approx(alone_high - alone_low, rel=0.1)
    assert low < 0.25 < high


def test_alike_or_not_it_is_never_much_narrower_than_wilsons():
    hits = np.tile([True, False], 50)  # each file has one of either: less than luck would vary
    low, high = clustered(hits, np.repeat(np.arange(50), 2))
    plain_low, plain_high = wilson(50, 100)
    assert high - low >= plain_high - plain_low


def test_two_files_tell_hardly_anything():
    hits = np.array([True] * 9 + [False] + [True] * 5 + [False] * 5)
    low, high = clustered(hits, np.repeat([0, 1], 10))
    assert stats.t.ppf(0.975, 1) > 12  # the normal's 1.96 would call the share .7 known to .2
    assert low < 0.1 and high > 0.95
