"""Sweeps side by side: equal budget, one reference point, indicators on one scale."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from kdray import results
from kdray.errors import ConfigError
from kdray.report.compare.sweeps import compare
from kdray.results import TrialRecord
from tests.report.simulated import simulate

BOTH = {"a": "max", "b": "min"}


def sweep(*points, seconds=10.0, state="complete"):
    return [
        TrialRecord(f"t{n:04d}", n, state, {}, {}, ({"step": 1, "a": a, "b": b},), seconds=seconds)
        for n, (a, b) in enumerate(points)
    ]


def test_the_better_sweep_holds_the_joint_front():
    better, worse = sweep((0.9, 0.5), (0.5, 0.1)), sweep((0.8, 0.6), (0.4, 0.3))
    found = compare({"better": better, "worse": worse}, BOTH)
    first, second = found.sides
    assert (first.on_joint, second.on_joint) == (2, 0)
    assert (first.covered, second.covered) == (0.0, 1.0)
    assert first.epsilon == first.igd_plus == 0.0
    # Scaled by the joint ranges (0.5 each): the worse set is 0.2 short of (0.9, 0.5) and 0.4 of (0.5, 0.1).
    assert second.epsilon == pytest.approx(0.4)
    assert second.front.hypervolume < first.front.hypervolume
    assert first.front.reference == second.front.reference == found.reference


def test_a_sweep_against_itself_is_even():
    one = sweep((0.9, 0.5), (0.5, 0.1))
    first, second = compare({"x": one, "y": one}, BOTH).sides
    assert first.front.hypervolume == second.front.hypervolume
    assert first.epsilon == second.epsilon == 0.0
    assert first.covered == 0.0
    assert first.on_joint == 2


def test_the_longer_sweep_is_cut_to_the_shorter_ones_budget():
    short, long = sweep((0.5, 0.5), (0.6, 0.6)), sweep((0.1, 0.9), (0.2, 0.8), (0.9, 0.1))
    found = compare({"short": short, "long": long}, BOTH)
    assert found.limit == 2
    assert [record.key for record in found.sides[1].records] == ["t0000", "t0001"]
    by_time = compare(
        {"short": short, "slow": sweep((0.1, 0.9), (0.9, 0.1), seconds=15.0)}, BOTH, budget="seconds"
    )
    assert by_time.limit == 20.0
    assert [record.key for record in by_time.sides[1].records] == ["t0000"]
    assert by_time.sides[1].seconds == 15.0


def test_stopped_trials_spend_budget_and_join_no_front():
    stopped = [*sweep((0.9, 0.1), state="pruned"), sweep((0.9, 0.1), (0.3, 0.3))[1]]
    found = compare({"x": stopped, "y": sweep((0.5, 0.5), (0.6, 0.6))}, BOTH)
    assert len(found.sides[0].records) == 2
    assert [member.key for member in found.sides[0].front.members] == ["t0001"]


def test_histories_are_by_budget_and_end_at_the_hypervolume():
    found = compare(
        {"x": sweep((0.2, 0.5), (0.9, 0.4)), "y": sweep((0.5, 0.5), (0.4, 0.6))}, BOTH, budget="seconds"
    )
    for side in found.sides:
        assert [at for at, _ in side.history] == [10.0, 20.0]
        assert side.history[-1][1] == pytest.approx(side.front.hypervolume)


@pytest.mark.parametrize(
    ("sweeps", "where", "says"),
    [
        ({"x": sweep((1, 1))}, [], "two sweeps or more"),
        ({"x": sweep((1, 1)), "y": sweep((1, 1), state="failed")}, [], "no trial of 'y' was complete"),
        ({"x": sweep((1, 1)), "y": []}, [], "was complete within 0 trials"),
        ({"x": sweep((1, 1)), "y": sweep((1, 1))}, ["a > 2"], "keeps the filters"),
    ],
)
def test_what_cannot_be_compared_is_one_line(sweeps, where, says):
    with pytest.raises(ConfigError, match=says):
        compare(sweeps, BOTH, where=where)


def test_a_side_that_the_filters_empty_still_shows():
    found = compare({"x": sweep((0.9, 0.1)), "y": sweep((0.1, 0.1))}, BOTH, where=["a > 0.5"])
    assert found.sides[1].covered == 1.0
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["sides"][1]["epsilon"] is None
    assert "IGD+" in printed(found)


def printed(found):
    console = Console(width=120, file=io.StringIO(), color_system=None)
    console.print(found.table().to_rich())
    return console.file.getvalue()


def test_a_simulated_sweep_with_more_skill_wins(tmp_path):
    read = {}
    for name, skill in (("plain", 0.0), ("skilled", 0.05)):
        read[name] = results.read(simulate(tmp_path / name, 40, seed=3, skill=skill, cases=0))
    objectives = {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}
    found = compare(read, objectives)
    plain, skilled = found.sides
    assert skilled.front.hypervolume > plain.front.hypervolume
    text = printed(found)
    assert text.index("plain") < text.index("skilled")
    assert "at 40 trials each" in text
