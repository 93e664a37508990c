from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kdray import pareto
from kdray.search import space
from kdray.search.coordinates import Coordinates
from kdray.search.extrapolation import project
from kdray.search.gaussian import Hyper, Process, _loss, _squares, fit
from kdray.search.improvement import expected_gain, expected_hypervolume_gain, expected_scalar_gain
from kdray.search.surrogate import Surrogate, normal_scores, standardise

MIXED = {
    "student.hidden": [96, 32, 64],
    "student.init": ["random", "sliced", "layers"],
    "distil.temperature": {"range": [0.5, 8.0], "log": True},
    "student.heads": {"range": [1, 7], "step": 2},
    "student.feed_forward": {"choices": [64, 128], "when": {"student.hidden": [64, 96]}},
}


def test_rows_and_points_are_each_other(make_sweep: Any) -> None:
    built = space.build(make_sweep(only=MIXED))
    coordinates = Coordinates(built)
    rows = coordinates.draw(np.random.default_rng(0), 200)
    for row in rows:
        point = coordinates.point(row)
        np.testing.assert_allclose(coordinates.row(point), row, atol=1e-12)
        assert ("student.feed_forward" in point) == (point["student.hidden"] != 32)
        assert point["student.heads"] in (1, 3, 5, 7)
        assert 0.5 <= point["distil.temperature"] <= 8.0


def test_varied_rows_stay_in_the_space_and_reach_all_of_it(make_sweep: Any) -> None:
    coordinates = Coordinates(space.build(make_sweep(only=MIXED)))
    rng = np.random.default_rng(0)
    rows = coordinates.draw(rng, 1)
    seen = set()
    for _ in range(40):
        rows = coordinates.vary(rng, rows, 50)
        for row in rows:
            point = coordinates.point(row)
            assert ("student.feed_forward" in point) == (point["student.hidden"] != 32)
            seen.add((point["student.hidden"], point["student.init"], point["student.heads"]))
    assert len(seen) == 3 * 3 * 4


def test_numbers_lie_on_a_line_and_names_do_not(make_sweep: Any) -> None:
    coordinates = Coordinates(space.build(make_sweep(only={"student.hidden": [96, 32, 64]})))
    x = coordinates.features(np.array([[0.0], [1.0], [2.0]]))
    assert x.tolist() == [[1.0], [0.0], [0.5]]
    names = Coordinates(space.build(make_sweep(only={"student.init": ["random", "sliced", "layers"]})))
    x = names.features(np.array([[0.0], [1.0], [2.0]]))
    distances = ((x[:, None] - x[None]) ** 2).sum(-1)
    np.testing.assert_allclose(distances, 1.0 - np.eye(3))


def test_a_process_goes_through_its_points_and_knows_what_it_does_not_know() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((30, 2))
    y = np.sin(6 * x[:, 0])
    groups = np.array([0, 1])
    hyper = fit(x, y, np.zeros(30), groups, Hyper.start(2), steps=20)
    process = Process(x, y, np.zeros(30), groups, hyper)
    mean, deviation = process.predict(x)
    np.testing.assert_allclose(mean, y, atol=0.05)
    new = rng.random((50, 2))
    mean, deviation = process.predict(new)
    assert np.abs(mean - np.sin(6 * new[:, 0])).mean() < 0.05
    _, far = process.predict(np.array([[9.0, 9.0]]))
    assert far[0] > 5 * deviation.mean()
    # The second dimension does nothing, so its weight falls below the first one's.
    assert hyper.theta[1] < hyper.theta[0] - 1


def test_the_gradient_is_that_of_the_loss() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.random((12, 3)), rng.standard_normal(12)
    squares = _squares(x, np.array([0, 1, 1]), 2)
    theta, extra = np.array([0.3, -0.2, 0.1, -2.0]), rng.random(12)
    loss_and_gradient = _loss(theta, squares, y, extra)
    assert loss_and_gradient is not None
    for i in range(4):
        ends = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[i] += sign * 1e-5
            there = _loss(moved, squares, y, extra)
            assert there is not None
            ends.append(there[0])
        assert loss_and_gradient[1][i] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4)


def test_a_point_with_noise_of_its_own_weighs_less() -> None:
    x, y = np.array([[0.0], [0.0]]), np.array([0.0, 1.0])
    hyper = Hyper(np.array([0.0, 0.0, -4.0]), np.full(3, 0.1), fitted=True)
    mean, _ = Process(x, y, np.array([0.0, 4.0]), np.array([0]), hyper).predict(np.array([[0.0]]))
    assert mean[0] < 0.1


def test_the_expected_gain_is_the_mean_over_samples() -> None:
    samples = np.random.default_rng(0).normal(0.3, 0.7, 400_000)
    exact = expected_gain(0.5, np.array([0.3]), np.array([0.7]))[0]
    assert exact == pytest.approx(np.maximum(0.5 - samples, 0).mean(), rel=0.01)


def test_the_expected_hypervolume_gain_is_the_mean_over_samples() -> None:
    front = np.array([[0.1, 0.8], [0.4, 0.5], [0.7, 0.2]])
    reference = np.array([1.0, 1.0])
    mean, deviation = np.array([[0.35, 0.45], [0.9, 0.9]]), np.array([[0.2, 0.3], [0.05, 0.1]])
    exact = expected_hypervolume_gain(front, reference, mean, deviation)
    rng = np.random.default_rng(0)
    directions = ["min", "min"]
    before = pareto.hypervolume(front, directions, reference)
    for c in range(2):
        samples = rng.normal(mean[c], deviation[c], (4000, 2))
        gains = [pareto.hypervolume(np.vstack([front, s]), directions, reference) - before for s in samples]
        assert exact[c] == pytest.approx(np.mean(gains), rel=0.1, abs=1e-4)


def test_a_scalar_gain_prefers_what_dominates() -> None:
    losses = np.array([[0.5, 0.5, 0.5]])
    mean = np.array([[0.2, 0.2, 0.2], [0.6, 0.6, 0.6]])
    gain = expected_scalar_gain(losses, np.ones(3), mean, np.full((2, 3), 0.01), np.random.default_rng(0))
    assert gain[0] > gain[1]


def test_reports_are_carried_to_the_last_rung_by_those_that_went_on() -> None:
    rng = np.random.default_rng(0)
    trials: list[dict[int, list[float]]] = []
    for _ in range(60):
        first = float(rng.random())
        second = 0.5 * first - 0.2 + 0.01 * float(rng.standard_normal())
        trials.append({1: [first], 3: [second]} if first < 0.4 else {1: [first]})
    values, variances = project(trials, [1, 3])
    stopped = [i for i, trial in enumerate(trials) if 3 not in trial]
    for i in stopped:
        assert values[i, 0] == pytest.approx(0.5 * trials[i][1][0] - 0.2, abs=0.1)
    assert (variances[stopped] > 0).all()
    done = [i for i, trial in enumerate(trials) if 3 in trial]
    assert [values[i, 0] for i in done] == [trials[i][3][0] for i in done]
    assert (variances[done] == 0).all()


def test_reports_are_carried_over_several_rungs_and_without_any_example() -> None:
    values, _ = project([{1: [1.0]}, {1: [1.0], 3: [0.5]}, {1: [1.1], 3: [0.6], 9: [0.1]}], [1, 3, 9])
    assert values[2, 0] == 0.1
    assert values[1, 0] == pytest.approx(0.0)
    assert values[0, 0] == pytest.approx(0.0, abs=0.1)
    values, _ = project([{1: [1.0]}], [1, 3, 9])
    assert values.tolist() == [[1.0]]


def test_scores_do_not_depend_on_the_unit() -> None:
    y = np.random.default_rng(0).lognormal(size=(50, 2))
    scores, _ = standardise(y, np.zeros_like(y))
    other, _ = standardise(1000 * y + 5, np.zeros_like(y))
    np.testing.assert_allclose(scores, other)
    assert (
        normal_scores(np.array([3.0, 1.0, 1.0, 2.0])).tolist()[1]
        == normal_scores(np.array([3.0, 1.0, 1.0, 2.0]))[2]
    )


@pytest.mark.parametrize("num_objectives", [1, 2, 3])
def test_the_model_finds_a_front_faster_than_chance(make_sweep: Any, num_objectives: int) -> None:
    built = space.build(make_sweep(only=MIXED))

    def losses(point: dict[str, Any]) -> list[float]:
        x, y = np.log2(point["distil.temperature"] / 2), point["student.heads"] / 7
        wrong = 0.5 * (point["student.init"] != "sliced")
        return [(x**2 + wrong), ((x - 1) ** 2 + y + wrong), (y - 1) ** 2 + wrong][:num_objectives]

    def best(points: list[dict[str, Any]]) -> float:
        values = np.array([losses(point) for point in points])
        return pareto.hypervolume(values, ["min"] * num_objectives, np.full(num_objectives, 3.0))

    signs = [1] * num_objectives
    model, points = Surrogate(built, signs, [1], seed=0), []
    for number in range(40):
        point = model.ask(lambda point: True)
        assert point is not None
        model.begin(number, point)
        model.report(number, 1, losses(point))
        model.end(number, failed=False)
        points.append(point)
    coordinates, rng = Coordinates(built), np.random.default_rng(0)
    by_chance = [best([coordinates.point(row) for row in coordinates.draw(rng, 40)]) for _ in range(10)]
    assert best(points) > max(by_chance)


def test_running_trials_push_the_next_point_away(make_sweep: Any) -> None:
    built = space.build(make_sweep(only={"distil.alpha": {"range": [0.0, 1.0]}}))
    model = Surrogate(built, [1], [1], seed=0)
    for number in range(10):
        alpha = number / 9
        model.begin(number, {"distil.alpha": alpha})
        model.report(number, 1, [(alpha - 0.4) ** 2 + 0.1 * (-1) ** number])
        model.end(number, failed=False)
    asked = []
    for number in range(10, 14):
        point = model.ask(lambda point: True)
        assert point is not None
        model.begin(number, point)
        asked.append(point["distil.alpha"])
    assert len({round(alpha, 3) for alpha in asked}) == 4


def test_failed_trials_are_not_looked_for_again(make_sweep: Any) -> None:
    built = space.build(make_sweep(only={"distil.alpha": {"range": [0.0, 1.0]}}))
    model = Surrogate(built, [1], [1], seed=0)
    for number in range(20):
        alpha = number / 19
        model.begin(number, {"distil.alpha": alpha})
        if alpha < 0.5:
            model.end(number, failed=True)
        else:
            model.report(number, 1, [alpha])
            model.end(number, failed=False)
    asked = []
    for number in range(20, 26):
        point = model.ask(lambda point: True)
        assert point is not None
        model.begin(number, point)
        asked.append(point["distil.alpha"])
    assert np.median(asked) > 0.4


def test_without_an_example_a_report_is_as_uncertain_as_trials_differ() -> None:
    values, variances = project([{1: [0.0]}, {1: [2.0]}], [1, 3])
    assert values.tolist() == [[0.0], [2.0]]
    assert variances.tolist() == [[1.0], [1.0]]


def test_a_stopped_trial_is_on_no_front(make_sweep: Any) -> None:
    model = Surrogate(
        space.build(make_sweep(only={"distil.alpha": {"range": [0.0, 1.0]}})), [1], [1, 3], seed=0
    )
    for number in range(10):
        model.begin(number, {"distil.alpha": number / 9})
        model.report(number, 1, [float(number)])
        if number >= 5:
            model.report(number, 3, [float(number)])
        model.end(number, failed=False)
    best = model._model(list(model._heard.values())).best_PD
    assert best.tolist() == [[pytest.approx(5 / 9)]]


def noisy(make_sweep: Any, variances: Any) -> Surrogate:
    """A valley at .4, and one lucky report far from it."""
    model = Surrogate(
        space.build(make_sweep(only={"distil.alpha": {"range": [0.0, 1.0]}})), [1], [1, 3], seed=0
    )
    for number in range(12):
        alpha = number / 11
        model.begin(number, {"distil.alpha": alpha})
        loss = 2 * (alpha - 0.4) ** 2 - 0.8 * (number == 10)
        model.report(number, 3, [loss], variances(number))
        model.end(number, failed=False)
    return model


def test_what_is_known_to_be_luck_is_not_run_after(make_sweep: Any) -> None:
    def worse(variances: Any) -> float:
        """By how much the lucky point is believed to be worse than the valley, in deviations of the losses."""
        model = noisy(make_sweep, variances)
        rows_CD = np.array([[10 / 11], [0.4]])
        found = model._model(list(model._heard.values()))._processes[0]
        lucky, valley = found.predict(model._coordinates.features(rows_CD))[0]
        return float(lucky - valley)

    known = worse(lambda number: [0.5 if number == 10 else 1e-4])
    assert known > 1.0  # it is: 2 * (10 / 11 - .4)^2 above it, where losses vary by .3
    assert known > worse(lambda number: None) + 0.3


def test_variances_of_nothing_change_nothing(make_sweep: Any) -> None:
    asked = [
        noisy(make_sweep, lambda number, told=told: told).ask(lambda point: True) for told in (None, [0.0])
    ]
    assert asked[0] == asked[1]
