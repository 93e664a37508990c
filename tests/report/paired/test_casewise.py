"""Differences case by case: against a closed form, a bootstrap, and what cannot be compared."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from kdray.report.paired.casewise import casewise, difference
from tests.report.paired.made_up import outcomes, record

ACCURACY, DISCREPANCY = "assertion_accuracy", "metamorphic_discrepancy"


def drawn(seed, cases=300, files=60):
    rng = np.random.default_rng(seed)
    group = np.sort(rng.integers(files, size=cases))
    hard = rng.random(files)[group] < 0.5
    one, other = (rng.random(cases) < np.where(hard, 0.1, share) for share in (0.6, 0.5))
    return group, one, other, rng.random(cases) < 0.4, rng.random(cases) < 0.5


def test_with_a_file_for_each_case_it_is_the_paired_t_test():
    _, one, other, *violated = drawn(0)
    files = range(len(one))
    pair = [
        record(n, right, files, hits)
        for n, (right, hits) in enumerate(zip((one, other), violated, strict=True))
    ]
    for metric, (mine, theirs) in ((ACCURACY, (one, other)), (DISCREPANCY, violated)):
        found = difference(*(casewise(trial, metric) for trial in pair))
        truth = stats.ttest_rel(mine.astype(float), theirs.astype(float))
        assert found.p == pytest.approx(truth.pvalue)
        assert (found.low, found.high) == pytest.approx(tuple(truth.confidence_interval()))


@pytest.mark.parametrize("metric", [ACCURACY, DISCREPANCY])
def test_with_cases_in_files_it_is_as_wide_as_a_bootstrap_over_files(metric):
    group, one, other, *violated = drawn(1)
    pair = [record(0, one, group, violated[0]), record(1, other, group, violated[1])]
    found = difference(*(casewise(trial, metric) for trial in pair))
    gaps = (one * 1.0 - other) if metric == ACCURACY else (violated[0] * 1.0 - violated[1])
    rng, files = np.random.default_rng(0), np.unique(group)
    means = []
    for _ in range(2000):
        chosen = rng.choice(files, len(files))
        count = np.bincount(chosen, minlength=group.max() + 1)[group]
        means.append((gaps * count).sum() / count.sum())
    assert found.value == pytest.approx(gaps.mean())
    assert found.high - found.low == pytest.approx(2 * 2.0 * np.std(means), rel=0.1)


def test_students_that_never_differ_are_never_told_apart():
    group, one, _, violated, _ = drawn(2)
    same = difference(*(casewise(record(n, one, group, violated), ACCURACY) for n in (0, 1)))
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_one_file_says_nothing_about_others():
    _, one, other, violated, _ = drawn(3)
    pair = [casewise(record(n, right, [0] * 300, violated), ACCURACY) for n, right in enumerate((one, other))]
    found = difference(*pair)
    assert math.isnan(found.low) and found.p == 1


def test_a_relation_that_counted_nothing_is_in_no_part_of_the_discrepancy():
    group, one, _, violated, _ = drawn(4)
    found = casewise(record(0, one, group, violated), DISCREPANCY)
    assert found.value == pytest.approx(violated.mean())
    assert found.adds_C.sum() == pytest.approx(0)


def test_other_cases_are_not_compared_and_unknown_ones_are_none():
    group, one, other, violated, _ = drawn(5)
    mine, theirs = record(0, one, group, violated), record(1, other, group, violated)
    theirs.rungs[0]["outcomes"] = outcomes(other, group, violated, of="others")
    with pytest.raises(ValueError, match="not the same"):
        difference(casewise(mine, ACCURACY), casewise(theirs, ACCURACY))
    assert casewise(mine, ACCURACY, test=True) is None
    assert casewise(mine, "student_params") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda rung: rung.update(assertion_accuracy=0.123),
        lambda rung: rung["outcomes"].update(group=[0]),
        lambda rung: rung["outcomes"].update(right=5),
        lambda rung: rung["outcomes"].pop("right"),
        lambda rung: rung["outcomes"].update(right="", group=[]),
    ],
)
def test_outcomes_that_are_not_the_metrics_are_said_and_not_compared(damage, caplog):
    group, one, _, violated, _ = drawn(5)
    trial = record(7, one, group, violated)
    damage(trial.rungs[0])
    assert casewise(trial, ACCURACY) is None
    assert "t0007: outcomes are not those of assertion_accuracy" in caplog.text
