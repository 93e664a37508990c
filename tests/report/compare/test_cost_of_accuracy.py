"""What picking by accuracy alone costs: the arithmetic beside a slow second one and closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdray.report.compare.cost_of_accuracy import cost_of_accuracy, near_best


def slow_cost(accuracy, discrepancy, near):
    """The same in plain loops: a list of what is paid and bought a seed, over configurations of several seeds."""
    rows = [c for c, row in enumerate(accuracy) if sum(not math.isnan(a) for a in row) > 1]
    paid, bought = [], []
    for seed in range(len(accuracy[0])):
        here = [c for c in rows if not math.isnan(accuracy[c][seed])]
        if not here:
            continue
        best = max(accuracy[c][seed] for c in here)
        close = [c for c in here if accuracy[c][seed] >= best - near - 1e-12]
        least = min(discrepancy[c][seed] for c in close)
        by_accuracy = [c for c in here if accuracy[c][seed] >= best - 1e-12]
        by_discrepancy = [c for c in close if discrepancy[c][seed] == least]

        def elsewhere(marks, picks, seed=seed):
            means = []
            for c in picks:
                others = [m for s, m in enumerate(marks[c]) if s != seed and not math.isnan(m)]
                means.append(sum(others) / len(others))
            return sum(means) / len(means)

        paid.append(elsewhere(discrepancy, by_accuracy) - elsewhere(discrepancy, by_discrepancy))
        bought.append(elsewhere(accuracy, by_accuracy) - elsewhere(accuracy, by_discrepancy))
    return paid, bought


def slow_p(accuracy, discrepancy, near):
    """Every permutation of the near-best configurations' discrepancies, seed by seed."""
    seeds, paid = range(len(accuracy[0])), np.mean(slow_cost(accuracy, discrepancy, near)[0])
    members = []
    for seed in seeds:
        best = max(row[seed] for row in accuracy)
        members.append([c for c, row in enumerate(accuracy) if row[seed] >= best - near - 1e-12])
    reached = total = 0
    for orders in itertools.product(*(itertools.permutations(one) for one in members)):
        moved = [list(row) for row in discrepancy]
        for seed, order in enumerate(orders):
            for place, origin in zip(members[seed], order, strict=True):
                moved[place][seed] = discrepancy[origin][seed]
        reached += np.mean(slow_cost(accuracy, moved, near)[0]) >= paid - 1e-12
        total += 1
    return reached / total


shares = st.integers(0, 8).map(lambda hits: hits / 8)  # few values, so that ties are common


@st.composite
def marks(draw):
    configurations, seeds = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    is_there = [[draw(st.booleans()) for _ in range(seeds)] for _ in range(configurations)]
    accuracy = [[draw(shares) if there else math.nan for there in row] for row in is_there]
    discrepancy = [[draw(shares) if there else math.nan for there in row] for row in is_there]
    return accuracy, discrepancy, draw(st.sampled_from([0.0, 0.13, 0.3, 1.0]))


@given(marks())
@settings(max_examples=150)
def test_the_cost_is_that_of_plain_loops_also_with_ties_and_missing_seeds(made):
    accuracy, discrepancy, near = made
    paid, bought = slow_cost(accuracy, discrepancy, near)
    found = cost_of_accuracy(np.array(accuracy), np.array(discrepancy), near, draws=3)
    if not paid:
        assert found is None
        return
    assert found.discrepancy_S == pytest.approx(paid)
    assert found.accuracy_S == pytest.approx(bought)
    assert 0 < found.p_value <= 1


def test_all_permutations_are_taken_where_they_are_few():
    accuracy = [[0.50, 0.49], [0.49, 0.50], [0.50, 0.50], [0.30, 0.20]]
    discrepancy = [[0.6, 0.5], [0.2, 0.4], [0.4, 0.1], [0.0, 0.0]]
    found = cost_of_accuracy(np.array(accuracy), np.array(discrepancy), 0.02)
    assert found.p_value == pytest.approx(slow_p(accuracy, discrepancy, 0.02))


@pytest.mark.parametrize("configurations", [3, 4])
def test_with_two_seeds_of_one_mind_p_is_one_over_the_configurations(configurations):
    # All equal in accuracy, and the same order of discrepancies on both seeds: the most that can be paid. Only
    # the permutations that keep the least of both seeds on one configuration pay as much: one in so many.
    discrepancy = np.linspace(0.1, 0.5, configurations)[:, None].repeat(2, axis=1)
    found = cost_of_accuracy(np.full((configurations, 2), 0.5), discrepancy, 0.0)
    assert found.discrepancy_S == pytest.approx([0.2, 0.2])
    assert found.accuracy_S == pytest.approx([0.0, 0.0])
    assert found.p_value == pytest.approx(1 / configurations)


def test_many_configurations_are_sampled_and_the_same_each_time():
    discrepancy = np.linspace(0.1, 0.5, 20)[:, None].repeat(2, axis=1)
    first, again = (cost_of_accuracy(np.full((20, 2), 0.5), discrepancy, 0.0) for _ in range(2))
    assert first.p_value == again.p_value
    assert first.p_value == pytest.approx(1 / 20, abs=0.02)  # 1,999 draws: a standard error of .005


def test_a_student_far_from_the_best_accuracy_is_never_picked():
    found = cost_of_accuracy(np.array([[0.5, 0.5], [0.4, 0.4]]), np.array([[0.9, 0.9], [0.0, 0.0]]), 0.05)
    assert found.discrepancy_S.tolist() == [0.0, 0.0]
    assert found.p_value == 1.0


def test_luck_on_the_seed_of_the_pick_is_not_counted():
    # Each configuration mimics well on one seed only, by luck: picked there, it pays on the other.
    found = cost_of_accuracy(np.full((2, 2), 0.5), np.array([[0.1, 0.5], [0.5, 0.1]]), 0.0)
    assert found.discrepancy_S == pytest.approx([-0.2, -0.2])
    assert found.p_value == 1.0


def test_without_a_difference_small_p_are_rare():
    random = np.random.default_rng(1)
    found = [
        cost_of_accuracy(random.random((6, 3)) * 0.01, random.random((6, 3)), 0.02, draws=99).p_value
        for _ in range(300)
    ]
    # Exact: a share of .1 at most is under .1; 300 tries have a standard error of .017.
    assert np.mean(np.array(found) <= 0.1) < 0.16
    assert np.mean(np.array(found) <= 0.5) > 0.35  # and it does answer


def test_without_several_seeds_there_is_nothing_to_test():
    assert cost_of_accuracy(np.array([[0.5, np.nan], [np.nan, 0.4]]), np.zeros((2, 2)), 0.1) is None
    assert cost_of_accuracy(np.zeros((0, 0)), np.zeros((0, 0)), 0.1) is None


def test_near_the_best_counts_the_edge_and_no_gap():
    assert near_best(np.array([0.30, 0.29, 0.28, np.nan]), 0.01).tolist() == [True, True, False, False]
    assert near_best(np.array([np.nan]), 0.01).tolist() == [False]
