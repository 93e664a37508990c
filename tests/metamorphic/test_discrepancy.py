from __future__ import annotations

import numpy as np
import pytest

from kdray.metamorphic.discrepancy import (
    Rate,
    curve,
    discrepancy,
    discrepancy_interval,
    flips,
    rates,
    violating_share,
)
from kdray.metamorphic.relations import Answers, Thresholds, Violations, violations


def relation(violated: list[int], counted: list[int] | None = None) -> Violations:
    return Violations(np.array(violated, bool), np.array(counted or [1] * len(violated), bool))


FOUND = {
    "prediction_agreement": relation([1, 0, 0, 0]),
    "distribution_similarity": relation([1, 1, 0, 0]),
    "high_confidence_preservation": relation([1, 0, 0, 0], [1, 1, 0, 0]),
    "calibration_alignment": relation([0, 0, 0, 0]),
}


def test_the_discrepancy_is_the_mean_over_relations_of_violated_by_counted() -> None:
    assert discrepancy(FOUND) == pytest.approx((1 / 4 + 2 / 4 + 1 / 2 + 0) / 4)
    assert discrepancy(FOUND, ["prediction_agreement"]) == pytest.approx(1 / 4)
    assert rates(FOUND)["high_confidence_preservation"] == Rate(1, 2)


def test_a_relation_that_counted_nothing_is_left_out() -> None:
    found = FOUND | {"high_confidence_preservation": relation([0] * 4, [0] * 4)}
    assert discrepancy(found) == pytest.approx((1 / 4 + 2 / 4 + 0) / 3)
    assert np.isnan(discrepancy({"high_confidence_preservation": relation([0], [0])}))


def test_the_violating_share_counts_an_input_once() -> None:
    assert violating_share(FOUND) == Rate(2, 4)


def test_the_interval_holds_the_value_and_is_wider_when_variants_belong_to_one_case() -> None:
    rng = np.random.default_rng(0)
    per_case = rng.random(100) < 0.3
    found = {"prediction_agreement": relation(np.repeat(per_case, 4).astype(int).tolist())}
    together = discrepancy_interval(found, np.repeat(np.arange(100), 4), seed=0)
    alone = discrepancy_interval(found, np.arange(400), seed=0)
    assert together[0] < discrepancy(found) < together[1]
    assert together[1] - together[0] > 1.5 * (alone[1] - alone[0])
    assert together == discrepancy_interval(found, np.repeat(np.arange(100), 4), seed=0)


def test_a_curve_falls_as_the_threshold_becomes_lenient() -> None:
    rng = np.random.default_rng(1)
    answers = Answers(rng.random(200) < 0.8, *(rng.random(200) for _ in range(4)))
    values = [0.0, 0.1, 0.5, 1.0]
    found = curve(answers, "distribution_similarity", values, Thresholds())
    assert [rate.hits for rate in found] == [int((answers.divergence > value).sum()) for value in values]
    at_default = curve(answers, "calibration_alignment", [0.1], Thresholds())[0]
    assert at_default == rates(violations(answers, Thresholds()))["calibration_alignment"]


def test_flips_compare_a_model_with_itself() -> None:
    assert flips(["a", "b", "c"], ["a", "x", "c"]) == Rate(1, 3)
    assert Rate(0, 0).interval == (0.0, 1.0)
