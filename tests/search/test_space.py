from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from kdray.errors import ConfigError
from kdray.search import space


def test_a_whole_range_of_a_float_field_is_a_range_of_floats(make_sweep: Any) -> None:
    built = space.build(make_sweep(only={"distil.alpha": {"range": [0, 1]}}))
    assert built.dimensions[0].distribution == FloatDistribution(0.0, 1.0)


def test_a_range_of_a_whole_field_stays_whole(make_sweep: Any) -> None:
    built = space.build(make_sweep(only={"student.heads": {"range": [1, 7], "step": 2}}))
    assert built.dimensions[0].distribution == IntDistribution(1, 7, step=2)
    assert list(built.dimensions[0].values() or []) == [1, 3, 5, 7]


def test_a_list_is_a_choice_and_log_is_kept(make_sweep: Any) -> None:
    built = space.build(
        make_sweep(only={"student.hidden": [64, 32], "optim.lr": {"range": [1e-4, 1e-2], "log": True}})
    )
    hidden, lr = (dimension.distribution for dimension in built.dimensions)
    assert hidden == CategoricalDistribution([64, 32])
    assert lr == FloatDistribution(1e-4, 1e-2, log=True)


def test_a_step_that_misses_the_end_of_its_range_is_refused(make_sweep: Any) -> None:
    with pytest.raises(ConfigError, match=r"space\.student\.heads: step 4 does not lead from 1 to 7"):
        space.build(make_sweep(only={"student.heads": {"range": [1, 7], "step": 4}}))


def test_log_and_step_together_are_refused_in_one_line(make_sweep: Any) -> None:
    with pytest.raises(ConfigError, match=r"space\.optim\.lr"):
        space.build(make_sweep(only={"optim.lr": {"range": [0.1, 0.3], "log": True, "step": 0.1}}))


def test_conditions_come_after_what_they_name_and_switch_paths_off(make_sweep: Any) -> None:
    built = space.build(
        make_sweep(
            only={
                "student.feed_forward": {"choices": [64, 128], "when": {"student.hidden": [64, 96]}},
                "student.hidden": [32, 64, 96],
            }
        )
    )
    assert [dimension.path for dimension in built.dimensions] == ["student.hidden", "student.feed_forward"]
    points = list(built.points() or [])
    assert len(points) == 1 + 2 + 2
    assert {"student.hidden": 32} in points
    assert built.conditional


def test_conditions_in_a_circle_are_refused(make_sweep: Any) -> None:
    with pytest.raises(ConfigError, match="wait for each other"):
        space.build(
            make_sweep(
                only={
                    "student.hidden": {"choices": [32, 64], "when": {"student.heads": 1}},
                    "student.heads": {"choices": [1, 2], "when": {"student.hidden": 32}},
                }
            )
        )


def test_a_whole_student_can_be_a_choice(make_sweep: Any) -> None:
    small = {"family": "llama", "layers": 1, "hidden": 32, "heads": 1, "feed_forward": 64}
    other = {**small, "hidden": 64}
    built = space.build(make_sweep(only={"student": [small, other]}))
    params, distributions = built.params({"student": other})
    assert isinstance(params["student"], str)
    assert distributions["student"]._contains(distributions["student"].to_internal_repr(params["student"]))
    assert built.point(params) == {"student": other}


def test_an_endless_space_has_no_list_of_points(make_sweep: Any) -> None:
    assert space.build(make_sweep()).points() is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    )
)
def test_every_value_comes_back_from_optuna_as_it_went_in(value: Any) -> None:
    stored = space.encode(value)
    assert stored is None or isinstance(stored, (bool, int, float, str))
    assert space.decode(stored) == value


def test_drawn_values_lie_in_their_dimension_and_reach_both_ends(make_sweep: Any) -> None:
    built = space.build(
        make_sweep(only={"student.heads": {"range": [1, 4], "log": True}, "distil.alpha": {"range": [0, 1]}})
    )
    rng = random.Random(0)
    points = [built.fill(lambda dimension: dimension.draw(rng)) for _ in range(300)]
    assert {point["student.heads"] for point in points} == {1, 2, 3, 4}
    assert all(0 <= point["distil.alpha"] <= 1 for point in points)


def test_equal_points_are_identical_in_any_order() -> None:
    assert space.identity({"a": 1, "b": 0.5}) == space.identity({"b": 0.5, "a": 1})
