"""Means and differences over training seeds: their intervals beside closed forms, and how often they hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import stdtrit

from kdray.report.compare.seeds import mean
from tests.report.compare.made_up import GRID, trial


def test_the_interval_holds_the_cases_of_one_trial_and_the_seeds_over_their_number():
    found = mean(GRID[:3], "assertion_accuracy")
    cases, seeds = (0.04 / 1.959964) ** 2, 0.01**2 / 3
    half = stdtrit(2 * (cases + seeds) ** 2 / seeds**2, 0.975) * math.sqrt(cases + seeds)
    assert found.value == pytest.approx(0.31)
    assert found.high - found.value == pytest.approx(half)
    assert found.value - found.low == pytest.approx(half)


def test_where_no_cases_were_drawn_it_is_the_interval_of_t_over_the_seeds():
    found = mean(GRID[:3], "metamorphic_discrepancy")
    assert found.high - found.value == pytest.approx(stdtrit(2, 0.975) * 0.1 / math.sqrt(3))


def test_more_seeds_never_make_the_draw_of_cases_any_surer():
    alike = [trial(n, 0.5, n, 0.3, 0.5) for n in range(200)]
    found = mean(alike, "assertion_accuracy")
    assert found.high - found.value == pytest.approx(0.04)


def test_an_interval_is_cut_where_shares_end_and_absent_where_nothing_is_known():
    wide = mean([trial(0, 0.5, 0, 0.1, 0.2), trial(1, 0.5, 1, 0.9, 0.2)], "assertion_accuracy")
    assert (wide.low, wide.high) == (0.0, 1.0)
    sizes = mean(GRID[:3], "student_params")
    assert (sizes.value, math.isnan(sizes.low)) == (1e6, True)
    assert mean([trial(0, 0.5, 0, 0.1, 0.2)], "metamorphic_discrepancy").each == [0.2]
    assert math.isnan(mean(GRID[:3], "ece").value)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    # Truth .3; 400 cases, most of them hard or easy for all seeds; 3 seeds that move each a little.
    random, covered = np.random.default_rng(0), 0
    for _ in range(400):
        difficulty_N = random.beta(0.09, 0.21, 400)
        share_S = 0.3 + random.normal(0, 0.02, 3)
        hits_SN = random.random((3, 400)) < np.clip(difficulty_N + (share_S - 0.3)[:, None], 0, 1)
        accuracy_S = hits_SN.mean(axis=1)
        half_S = 1.96 * np.sqrt(accuracy_S * (1 - accuracy_S) / 400)
        rows = [trial(n, 0.5, n, a, 0.5, h) for n, (a, h) in enumerate(zip(accuracy_S, half_S, strict=True))]
        found = mean(rows, "assertion_accuracy")
        covered += found.low <= 0.3 <= found.high
    assert covered / 400 >= 0.93  # a standard error of .011 around .95 or more
