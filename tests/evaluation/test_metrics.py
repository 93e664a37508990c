from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray.evaluation.metrics import BINS, classification_metrics, ece, matches


def test_white_space_is_forgiven_and_nothing_else() -> None:
    outputs = ["assert  a ==\n 1", "assert a == 2", "assert a==1"]
    assert matches(outputs, ["assert a == 1"] * 3).tolist() == [True, False, False]


def test_ece_of_a_hand_counted_case() -> None:
    # Bin of .9: accuracy 1/2, gap .4 for two cases; bin of .1: accuracy 0, gap .1 for one.
    assert ece(np.array([0.9, 0.9, 0.1]), np.array([True, False, False])) == pytest.approx(
        (2 * 0.4 + 0.1) / 3
    )


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40))
def test_ece_is_that_of_a_loop_over_bins(cases: list[tuple[float, bool]]) -> None:
    total = 0.0
    for number in range(BINS):
        inside = [
            (p, right)
            for p, right in cases
            if number / BINS < p <= (number + 1) / BINS or (number == 0 and p == 0)
        ]
        if inside:
            accuracy = sum(right for _, right in inside) / len(inside)
            confidence = sum(p for p, _ in inside) / len(inside)
            total += len(inside) / len(cases) * abs(accuracy - confidence)
    found = ece(np.array([p for p, _ in cases]), np.array([right for _, right in cases]))
    # A confidence that stands within rounding of a bin's edge may fall to either side of it.
    on_edge = any(abs(p * BINS - round(p * BINS)) < 1e-9 and 0 < p < 1 for p, _ in cases)
    assert on_edge or found == pytest.approx(total, abs=1e-9)


def test_metrics_are_the_counts():
    probabilities_NC = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3], [0.45, 0.55]])
    metrics = classification_metrics(probabilities_NC, np.array([0, 1, 0, 1, 1]))
    assert metrics["accuracy"] == 3 / 5
    assert metrics["precision"] == 2 / 3
    assert metrics["recall"] == 2 / 3
    assert metrics["f1"] == pytest.approx(2 / 3)
    # 0.6 (wrong) and 0.55 (right) share a bin of 1/15, every other confidence has one of its own.
    assert metrics["ece"] == pytest.approx((0.1 + 0.2 + abs(0.6 - 0.45) + 0.7) / 5)


def test_metrics_without_a_case_of_class_one_are_nought():
    metrics = classification_metrics(np.array([[0.9, 0.1]]), np.array([0]))
    assert (metrics["accuracy"], metrics["precision"], metrics["recall"], metrics["f1"]) == (
        1.0,
        0.0,
        0.0,
        0.0,
    )
