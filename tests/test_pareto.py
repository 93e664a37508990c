"""`pareto` against slow references, closed forms and optuna's own figures."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdray import pareto


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def slow_front(loss):
    return [not any(dominates(other, point) for other in loss) for point in loss]


def slow_ranks(loss):
    ranks, left, rank = [-1] * len(loss), set(range(len(loss))), 0
    while left:
        front = {i for i in left if not any(dominates(loss[j], loss[i]) for j in left)}
        for i in front:
            ranks[i] = rank
        left, rank = left - front, rank + 1
    return ranks


def slow_volume(loss, bound):
    """Inclusion and exclusion over every subset of the points."""
    total = 0.0
    inside = [point for point in loss if all(x < b for x, b in zip(point, bound, strict=True))]
    for size in range(1, len(inside) + 1):
        for chosen in itertools.combinations(inside, size):
            corner = np.max(np.array(chosen), axis=0)
            total += (-1) ** (size + 1) * float(np.prod(np.array(bound) - corner))
    return total


def points(max_points: int, dims: st.SearchStrategy[int]):
    """Small whole numbers: many ties and copies."""
    return dims.flatmap(
        lambda m: st.lists(
            st.lists(st.integers(0, 6), min_size=m, max_size=m), min_size=1, max_size=max_points
        )
    )


@given(points(25, st.integers(1, 4)))
@settings(max_examples=150, deadline=None)
def test_the_front_is_what_nothing_dominates(loss):
    directions = ["min"] * len(loss[0])
    assert pareto.non_dominated(loss, directions).tolist() == slow_front(loss)


@given(points(25, st.integers(1, 4)))
@settings(max_examples=150, deadline=None)
def test_ranks_peel_front_after_front(loss):
    directions = ["min"] * len(loss[0])
    assert pareto.ranks(loss, directions).tolist() == slow_ranks(loss)


@given(points(7, st.integers(1, 5)))
@settings(max_examples=150, deadline=None)
def test_the_hypervolume_equals_inclusion_and_exclusion(loss):
    directions = ["min"] * len(loss[0])
    bound = [5.5] * len(loss[0])
    assert pareto.hypervolume(loss, directions, bound) == pytest.approx(slow_volume(loss, bound))


@pytest.mark.parametrize("dims", [2, 3, 4])
def test_the_hypervolume_equals_optunas(dims):
    from optuna._hypervolume import compute_hypervolume

    loss = np.random.default_rng(dims).random((40, dims))
    ours = pareto.hypervolume(loss, ["min"] * dims, [1.1] * dims)
    assert ours == pytest.approx(compute_hypervolume(loss, np.full(dims, 1.1)))


@pytest.mark.parametrize("seed", range(20))
def test_indicators_between_sets_and_attainment_equal_moocores(seed):
    moocore = pytest.importorskip("moocore")
    rng = np.random.default_rng(seed)
    dims = 2 + seed % 3
    ways = ["max" if flip else "min" for flip in rng.integers(2, size=dims)]
    signs = [-1.0 if way == "max" else 1.0 for way in ways]
    one, other = rng.random((12, dims)), rng.random((9, dims))
    reference = {"ref": other * signs}
    assert pareto.epsilon(one, other, ways) == pytest.approx(
        moocore.epsilon_additive(one * signs, **reference)
    )
    assert pareto.igd_plus(one, other, ways) == pytest.approx(moocore.igd_plus(one * signs, **reference))
    runs = [rng.random((6, 2)) for _ in range(5)]
    sets = np.repeat(range(1, 6), 6)
    for share in (0.2, 0.5, 1.0):
        exact = moocore.eaf(np.vstack(runs), sets=sets, percentiles=[100 * share])[:, :2]
        ours = pareto.attainment(runs, ["min", "min"], share)
        assert np.array(sorted(ours.tolist())) == pytest.approx(np.array(sorted(exact.tolist())))


@pytest.mark.parametrize("steps", [1, 2, 10, 400])
def test_a_staircase_has_its_closed_form(steps):
    """Points (i, n - i) below (n + 1, n + 1): rows of 1, 2, ... boxes and the rim."""
    i = np.arange(steps + 1.0)
    stairs = np.column_stack([i, steps - i])
    expected = (steps + 1) * (steps + 2) / 2
    assert pareto.hypervolume(stairs, ["min", "min"], [steps + 1, steps + 1]) == pytest.approx(expected)


def test_points_on_a_quarter_circle_fill_the_square_less_the_quarter_disc():
    angle = np.linspace(0, np.pi / 2, 20_001)
    # What these points dominate within the unit square is the quarter disc.
    circle = 1 - np.column_stack([np.cos(angle), np.sin(angle)])
    assert pareto.hypervolume(circle, ["min", "min"], [1, 1]) == pytest.approx(np.pi / 4, abs=1e-4)


def test_points_on_an_eighth_of_a_sphere_fill_an_eighth_of_a_ball():
    u, v = np.meshgrid(np.linspace(0, np.pi / 2, 25), np.linspace(0, np.pi / 2, 25))
    sphere = np.column_stack(
        [(np.sin(u) * np.cos(v)).ravel(), (np.sin(u) * np.sin(v)).ravel(), np.cos(u).ravel()]
    )
    volume = pareto.hypervolume(sphere, ["max"] * 3, [0, 0, 0])
    assert volume < np.pi / 6
    assert volume == pytest.approx(np.pi / 6, rel=0.1)


def test_directions_turn_the_values_and_nothing_else():
    values = np.random.default_rng(0).random((30, 2))
    turned = values * [-1, 1]
    assert (
        pareto.non_dominated(values, ["max", "min"]) == pareto.non_dominated(turned, ["min", "min"])
    ).all()
    there = pareto.hypervolume(values, ["max", "min"], [0, 1])
    assert there == pytest.approx(pareto.hypervolume(turned, ["min", "min"], [0, 1]))


def test_copies_of_a_front_point_are_all_on_the_front():
    assert pareto.non_dominated([[1, 2], [1, 2], [2, 1], [2, 2]], ["min", "min"]).tolist() == [
        True,
        True,
        True,
        False,
    ]


def test_a_value_that_is_not_finite_is_on_no_front_and_adds_nothing():
    values = [[np.nan, 0.0], [1.0, 1.0], [-np.inf, 0.5], [0.5, np.inf]]
    assert pareto.non_dominated(values, ["min", "min"]).tolist() == [False, True, False, False]
    assert pareto.ranks(values, ["min", "min"]).tolist() == [-1, 0, -1, -1]
    assert pareto.hypervolume(values, ["min", "min"], [2, 2]) == 1.0
    assert pareto.history(values, ["min", "min"], [2, 2]).tolist() == [0, 1, 1, 1]


def test_nothing_gives_an_empty_front():
    assert pareto.non_dominated([], ["min", "max"]).tolist() == []
    assert pareto.hypervolume([], ["min", "max"], [1, 0]) == 0.0
    assert pareto.knee([], ["min", "max"]) is None
    assert pareto.ranks(np.empty((0, 2)), ["min", "max"]).tolist() == []


def test_points_beyond_the_reference_add_nothing():
    assert pareto.hypervolume([[1, 3], [3, 1]], ["min", "min"], [2, 2]) == 0.0
    assert pareto.hypervolume([[2, 0]], ["min", "min"], [2, 2]) == 0.0


def test_history_is_the_hypervolume_of_every_beginning():
    values = np.random.default_rng(3).random((60, 3))
    directions = ["max", "min", "min"]
    bound = [0.1, 0.9, 1.0]
    slow = [pareto.hypervolume(values[: n + 1], directions, bound) for n in range(len(values))]
    assert pareto.history(values, directions, bound) == pytest.approx(slow)


def test_the_reference_point_lies_outside_every_point():
    values = np.random.default_rng(1).random((20, 2))
    accuracy, discrepancy = pareto.reference_point(values, ["max", "min"])
    assert accuracy < values[:, 0].min()
    assert discrepancy > values[:, 1].max()
    assert (
        pareto.hypervolume([[0.0, 0.0]], ["max", "min"], pareto.reference_point([[0.0, 0.0]], ["max", "min"]))
        > 0
    )


def test_the_knee_is_the_bend():
    values = [[0, 10], [1, 2], [2, 1.9], [10, 0], [1, 2.5]]
    assert pareto.knee(values, ["min", "min"]) == 1
    assert pareto.knee([[3, 3]], ["min", "max"]) == 0


def test_epsilon_and_igd_plus_are_nought_for_a_set_against_itself_and_measure_a_shift():
    front = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    both = ["min", "min"]
    assert pareto.epsilon(front, front, both) == 0.0
    assert pareto.igd_plus(front, front, both) == 0.0
    assert pareto.epsilon(front + 0.2, front, both) == pytest.approx(0.2)
    assert pareto.epsilon(front - 0.2, front, both) == pytest.approx(-0.2)
    assert pareto.igd_plus(front - 0.2, front, both) == 0.0
    assert pareto.igd_plus([[0.3, 0.4]], [[0.0, 0.0]], both) == pytest.approx(0.5)
    assert pareto.igd_plus([[0.3, -9.0]], [[0.0, 0.0]], both) == pytest.approx(0.3)


def test_normalise_puts_all_sets_into_one_unit_box():
    first, second = pareto.normalise([[0, 10], [5, 20]], [[10, 30]])
    assert first.tolist() == [[0, 0], [0.5, 0.5]]
    assert second.tolist() == [[1, 1]]


def test_the_attainment_surface_of_one_run_is_its_front():
    values = np.random.default_rng(5).random((30, 2))
    directions = ["max", "min"]
    front = values[pareto.non_dominated(values, directions)]
    surface = pareto.attainment([values], directions, 1.0)
    assert sorted(map(tuple, surface)) == sorted(map(tuple, front))


def attained(points_PM, runs, directions):
    """The share of runs that attained each point, by definition."""
    points = pareto.losses(points_PM, directions)
    reached = [(pareto.losses(run, directions)[None] <= points[:, None]).all(2).any(1) for run in runs]
    return np.mean(reached, axis=0)


def test_points_on_a_surface_are_attained_by_the_share_asked_for_and_no_better_point_is():
    generator = np.random.default_rng(6)
    runs = [generator.random((12, 2)) for _ in range(5)]
    for share in (0.2, 0.6, 1.0):
        surface = pareto.attainment(runs, ["min", "max"], share)
        assert (attained(surface, runs, ["min", "max"]) >= share - 1e-9).all()
        better = surface + np.array([-1e-6, 1e-6])
        assert (attained(better, runs, ["min", "max"]) < share).all()


def test_too_few_runs_with_points_attain_nothing():
    assert pareto.attainment([[[1, 1]], np.empty((0, 2))], ["min", "min"], 1.0).shape == (0, 2)


def test_the_front_probability_of_exact_values_is_the_front():
    values = np.random.default_rng(7).random((40, 2))
    probability = pareto.front_probability(values, np.zeros_like(values), ["max", "min"], draws=5)
    assert probability.tolist() == pareto.non_dominated(values, ["max", "min"]).astype(float).tolist()


def test_two_equal_students_share_the_front_probability_of_one_objective():
    probability = pareto.front_probability([[0.5], [0.5]], [[0.1], [0.1]], ["max"], draws=4000)
    assert probability == pytest.approx([0.5, 0.5], abs=0.04)


def test_a_wrong_direction_or_shape_is_refused():
    with pytest.raises(ValueError, match="'max' or 'min'"):
        pareto.non_dominated([[1, 2]], ["min", "up"])
    with pytest.raises(ValueError, match="not \\(points, 3\\)"):
        pareto.non_dominated([[1, 2]], ["min"] * 3)
    with pytest.raises(ValueError, match="finite"):
        pareto.hypervolume([[1, 2]], ["min"] * 2, [np.inf, 1])
