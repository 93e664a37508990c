"""Students near the best accuracy in groups, and what picking costs in each."""

from __future__ import annotations

import json

import pytest

from tests.report.compare.made_up import GRID, ask, table, trial


def test_picking_by_accuracy_alone_is_priced_on_other_seeds(tmp_path):
    # Alpha 0.9 is as accurate as 0.5 within a point, and always mimics better by 0.2.
    records = [
        trial(2 * seed + at, alpha, seed, accuracy, discrepancy)
        for seed in range(3)
        for at, (alpha, accuracy, discrepancy) in enumerate([(0.5, 0.305, 0.6), (0.9, 0.300, 0.4)])
    ]
    (group,) = json.loads(ask([table(tmp_path, records)], near=0.01, form="json"))["groups"]
    assert (group["name"], group["students"], group["discrepancies"]) == ("all", 6, [0.4] * 3 + [0.6] * 3)
    assert (group["configurations"], group["seeds"]) == (2, 3)
    assert group["cost"]["discrepancy"]["mean"] == pytest.approx(0.2)
    assert group["cost"]["accuracy"]["mean"] == pytest.approx(0.005)
    assert group["cost"]["p_value"] == 1 / 8  # of 2 ** 3 orders only the measured one pays as much
    said = ask([table(tmp_path, records)], near=0.01)
    assert f"| their metamorphic discrepancy: median | {0.5:.3f} |" in said
    assert "kdray's own" in said


def test_groups_of_students_are_priced_apart_and_without_seeds_it_says_so(tmp_path):
    records = [*GRID, trial(5, 0.5, 0, 0.4, 0.2, shards="runs/d/full")]
    said = ask([table(tmp_path, records)], near=0.015, by="shards")
    assert (
        said.splitlines()[0] == "| within 0.015 of the best assertion accuracy | shards full | shards head |"
    )
    assert "no configuration has several seeds, so the cost cannot be tested: shards full" in said
    assert "| students, so near the best | 1, 1 | 4, 2 |" in said
