from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray.search.halving import Halving, epsilon_net, rank_correlation, ranking


def test_the_best_third_goes_on_and_ties_of_a_front_are_spread() -> None:
    halving = Halving([1, 3, 9], signs=[1, 1], eta=3)
    front = [(0.0, 1.0), (0.1, 0.9), (1.0, 0.0)]
    worse = [(2.0, 2.0), (2.1, 2.1), (2.2, 2.2)]
    for number, values in enumerate(worse + front[:2]):
        halving.record(f"t{number}", 1, values)
    # Six reported, two go on: one end of the front and the point farthest from it.
    assert halving.goes_on("t5", 1, front[2])
    assert not halving.goes_on("t4", 1, front[1])
    assert halving.goes_on("t3", 1, front[0])


def test_a_dominated_trial_stops_and_a_dominating_one_goes_on() -> None:
    halving = Halving([1, 2], signs=[-1, 1], eta=2)
    halving.record("t0", 1, (0.5, 0.5))
    assert halving.goes_on("t1", 1, (0.6, 0.4))
    assert not halving.goes_on("t2", 1, (0.1, 0.9))


def test_the_first_to_report_always_go_on() -> None:
    halving = Halving([1, 2], signs=[1, 1], eta=3)
    assert halving.goes_on("t0", 1, (9.0, 9.0))
    assert halving.goes_on("t1", 1, (10.0, 10.0))


def test_the_last_rung_stops_nobody() -> None:
    halving = Halving([1, 2], signs=[1, 1], eta=2)
    for number in range(4):
        assert halving.goes_on(f"t{number}", 2, (float(number), float(number)))


def test_a_report_said_twice_counts_once() -> None:
    halving = Halving([1, 2], signs=[1], eta=2)
    for _ in range(5):
        assert halving.goes_on("t0", 1, (1.0,))


def test_an_epsilon_net_begins_at_the_best_sum_and_goes_to_the_ends() -> None:
    points = np.array([[0.0, 1.0], [0.1, 0.2], [0.12, 0.19], [1.0, 0.0]])
    assert epsilon_net(points)[0] == 1
    assert set(epsilon_net(points)[1:3]) == {0, 3}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_nothing_is_placed_before_what_dominates_it(points: list[tuple[int, int]]) -> None:
    losses = np.array(points, np.float64)
    place = ranking(losses)
    assert sorted(place) == list(range(len(points)))
    for a, losses_M in enumerate(losses):
        for b, other in enumerate(losses):
            if (losses_M <= other).all() and (losses_M < other).any():
                assert place[a] < place[b]


@pytest.mark.parametrize("num_objectives", [1, 3])
def test_halving_takes_any_number_of_objectives(num_objectives: int) -> None:
    halving = Halving([1, 2], signs=[1] * num_objectives, eta=2)
    halving.record("t0", 1, [1.0] * num_objectives)
    assert not halving.goes_on("t1", 1, [2.0] * num_objectives)


def reported(trust: float, ends: list[float], **more: int) -> Halving:
    """Halving at whose first rung as many trials reported 0, 1, 2, ... as came to these ends."""
    halving = Halving([1, 3, 9], signs=[1], eta=3, trust=trust, **more)
    for number, end in enumerate(ends):
        for rung, loss in ((1, float(number)), (3, end), (9, end)):
            halving.record(f"old{number}", rung, [loss])
    return halving


def test_a_rung_stops_nobody_before_it_foretold_the_end_of_five_trials() -> None:
    assert reported(0.8, [0.0, 1.0, 2.0, 3.0]).goes_on("new", 1, [9.0])
    assert not reported(0.8, [0.0, 1.0, 2.0, 3.0, 4.0]).goes_on("new", 1, [9.0])


def test_a_rung_that_says_nothing_of_the_end_stops_nobody() -> None:
    noise = [3.0, 0.0, 4.0, 1.0, 2.0]
    assert reported(0.8, noise).goes_on("new", 1, [9.0])
    assert not reported(-1, noise).goes_on("new", 1, [9.0])
    assert not reported(0.8, noise).goes_on("new", 3, [9.0])


def test_nobody_is_stopped_before_the_grace_is_over() -> None:
    halving = reported(-1, [0.0, 1.0, 2.0], grace=3)
    assert halving.goes_on("new", 1, [9.0])
    assert not halving.goes_on("new", 3, [9.0])


def test_trials_of_a_later_bracket_are_first_stopped_at_a_later_rung() -> None:
    halving = reported(-1, [0.0, 1.0, 2.0], brackets=2)
    assert not halving.goes_on("new4", 1, [9.0], number=4)
    assert halving.goes_on("new5", 1, [9.0], number=5)
    assert not halving.goes_on("new5", 3, [9.0], number=5)


def test_the_rank_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, 40).astype(float), rng.integers(0, 9, 40).astype(float)
    x_ranks, y_ranks = ([np.mean(np.flatnonzero(np.sort(v) == value)) for value in v] for v in (x, y))
    assert rank_correlation(x, y) == pytest.approx(np.corrcoef(x_ranks, y_ranks)[0, 1])
    assert rank_correlation(x, x**3) == pytest.approx(1.0)
    assert rank_correlation(x, np.zeros(40)) == 0.0
