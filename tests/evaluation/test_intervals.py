from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import binomtest

from kdray.evaluation.intervals import Z_95, bootstrap_mean, wilson


def test_wilson_of_known_cases() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775328), abs=1e-6)
    assert wilson(5, 10) == pytest.approx((0.2365931, 0.7634069), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("count", "total"), [(0, 1), (1, 1), (0, 400), (400, 400), (7, 97), (133, 400), (999, 1000)]
)
def test_wilson_is_scipys(count: int, total: int) -> None:
    theirs = binomtest(count, total).proportion_ci(method="wilson")
    assert wilson(count, total) == pytest.approx((theirs.low, theirs.high), abs=1e-15)
    assert ndtri(0.975) == Z_95


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_a_share(case: tuple[int, int]) -> None:
    count, total = case
    low, high = wilson(count, total)
    assert 0 <= low <= count / total <= high <= 1
    assert high > low


def test_wilson_refuses_more_hits_than_cases() -> None:
    with pytest.raises(ValueError, match="between 0 and total 3"):
        wilson(4, 3)


def test_bootstrap_is_the_same_for_the_same_seed_and_holds_the_mean() -> None:
    values = np.random.default_rng(0).normal(3, 1, 400)
    low, high = bootstrap_mean(values, 7)
    assert (low, high) == bootstrap_mean(values, 7)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
    assert np.isnan(bootstrap_mean(np.empty(0), 0)).all()
