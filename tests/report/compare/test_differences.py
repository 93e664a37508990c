"""Differences of rows, seed by seed, beside scipy's paired test."""

from __future__ import annotations

import json

import pytest
from scipy.stats import ttest_rel

from tests.report.compare.made_up import ask, table, trial


def test_differences_are_those_of_the_same_seed_with_students_interval(tmp_path):
    said = [
        *(trial(n, 0.0, seed, 0.20 + 0.05 * seed, 0.5) for n, seed in enumerate((0, 1, 2))),
        *(trial(3 + seed, 0.5, seed, 0.21 + 0.06 * seed, 0.4) for seed in (2, 0, 1)),
        trial(6, 0.9, 2, 0.40, 0.4),
        trial(7, 0.9, 3, 0.99, 0.4),  # of a seed that the baseline has not
    ]
    asked = {"by": "distil.alpha", "show": "assertion_accuracy", "against": "distil.alpha=0"}
    found = json.loads(ask([table(tmp_path, said)], form="json", **asked))
    none, half, most = (row["metrics"]["assertion_accuracy"] for row in found["rows"])
    exact = ttest_rel([0.21, 0.27, 0.33], [0.20, 0.25, 0.30]).confidence_interval()
    assert (half["mean"], half["low"], half["high"]) == pytest.approx((0.02, *exact))
    assert (most["mean"], most["low"]) == (pytest.approx(0.10), None)
    assert none["each"] == []
    lines = ask([table(tmp_path, said)], **asked).splitlines()
    assert lines[0] == "| alpha | seeds | assertion accuracy ↑ |"
    assert [line.split(" | ")[:2] for line in lines[2:4]] == [["| 0.5", "3"], ["| 0.9", "1"]]
    assert lines[3] == "| 0.9 | 1 | +0.1000 |"
    equal = [trial(n, alpha, n % 2, 0.25 * alpha, 0.5) for n, alpha in enumerate((0.0, 0.0, 1.0, 1.0))]
    assert ask([table(tmp_path, equal)], **asked).splitlines()[2] == "| 1 | 2 | +0.2500 |"


def test_a_baseline_keeps_the_settings_that_it_does_not_name(tmp_path):
    said = [
        trial(0, 0.1, 0, 0.2, 0.5), trial(1, 0.5, 0, 0.3, 0.5),
        trial(2, 0.1, 0, 0.21, 0.5, shards="runs/d/full"), trial(3, 0.5, 0, 0.33, 0.5, shards="runs/d/full"),
    ]  # fmt: skip
    asked = {"by": "distil.alpha,shards", "show": "assertion_accuracy"}
    lines = ask([table(tmp_path, said)], against="shards=head", **asked).splitlines()
    assert lines[2:4] == ["| 0.1 | full | 1 | +0.0100 |", "| 0.5 | full | 1 | +0.0300 |"]
    lines = ask([table(tmp_path, said)], against="shards=head,distil.alpha=0.1", **asked).splitlines()
    assert lines[2:5] == [
        "| 0.1 | full | 1 | +0.0100 |", "| 0.5 | full | 1 | +0.1300 |", "| 0.5 | head | 1 | +0.1000 |",
    ]  # fmt: skip
