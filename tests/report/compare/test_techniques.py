"""Techniques of several seeds: what half of them attained, and how often one is above the other."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from kdray.errors import ConfigError, DataError
from kdray.report import show
from kdray.report.compare.comparisons import at_equal_budget, grouped
from kdray.report.compare.sweeps import compare
from kdray.report.compare.techniques import techniques
from kdray.report.describe import mean_and_ends
from kdray.report.front import front
from kdray.results import TrialRecord
from tests.report.compare.test_sweeps import BOTH, sweep
from tests.report.simulated import simulate


def found(groups):
    """Techniques of a mapping name -> list of sweeps."""
    runs = {f"{name}{n}": one for name, members in groups.items() for n, one in enumerate(members)}
    names = {name: [f"{name}{n}" for n in range(len(members))] for name, members in groups.items()}
    return techniques(compare(runs, BOTH), names).techniques


def test_attainment_over_seeds_lies_between_the_best_and_the_worst():
    runs = [sweep((0.5, 0.1), (0.9, 0.5)), sweep((0.4, 0.2), (0.8, 0.6)), sweep((0.3, 0.3), (0.7, 0.7))]
    (one,) = found({"x": runs})
    assert sorted(one.surfaces[0.5]) == [[0.4, 0.2], [0.8, 0.6]]
    volumes = [
        front(sweep(*map(tuple, one.surfaces[share])), BOTH, reference={"a": 0.0, "b": 1.0}).hypervolume
        for share in (0.25, 0.5, 0.75)
    ]
    assert volumes == sorted(volumes, reverse=True)
    assert min(one.hypervolumes) <= one.median_hypervolume <= max(one.hypervolumes)


def test_pairs_of_seeds_say_how_often_one_technique_is_above_the_first():
    low, high = sweep((0.4, 0.5), (0.3, 0.4)), sweep((0.9, 0.2), (0.8, 0.1))
    first, second = found({"low": [low, low], "high": [high, low]})
    assert first.above_first is None
    assert second.above_first == 0.75  # two pairs above, two even
    assert second.median_hypervolume == pytest.approx(max(second.hypervolumes))  # half of two seeds is one


def test_three_objectives_have_no_surface_but_volumes():
    runs = {
        name: [TrialRecord("t0000", 0, "complete", {}, {}, ({"step": 1, "a": a, "b": 0.4, "c": 0.3},))]
        for name, a in (("x", 0.4), ("y", 0.6))
    }
    comparison = compare(runs, {**BOTH, "c": "min"})
    one, two = techniques(comparison, {"x": ["x"], "y": ["y"]}).techniques
    assert one.surfaces == {}
    assert one.median_hypervolume is None
    assert two.above_first == 1.0


def test_techniques_are_named_by_what_their_sweeps_have_in_common_or_as_one_says():
    assert grouped(["tpe-0,tpe-1", "b", "mine=x,y"]) == {
        "tpe": ["tpe-0", "tpe-1"],
        "b": ["b"],
        "mine": ["x", "y"],
    }
    assert grouped(["x,y"]) == {"x,y": ["x", "y"]}
    with pytest.raises(ConfigError, match="two techniques are called 'a': say LABEL=a-2,a-3"):
        grouped(["a-0,a-1", "a-2,a-3"])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("seeds")
    for number in range(2):
        simulate(root / f"plain-{number}", 20, seed=number, cases=0)
        simulate(root / f"better-{number}", 30, seed=number, cases=0, skill=0.08)
    return {name: [str(root / f"{name}-{number}") for number in range(2)] for name in ("plain", "better")}


def ask(folders, **changes):
    asked = {"budget": "trials", "objectives": None, "where": (), "svg": None, "form": "text"}
    return at_equal_budget(folders, **{**asked, **changes})


def test_techniques_are_compared_at_the_smallest_budget_and_drawn(folders, tmp_path):
    text = ask(folders, svg=str(tmp_path / "attained.svg"))
    assert "at 20 trials each" in text
    assert "100 %" in text
    assert "hypervolume up to assertion accuracy" in text
    root = ET.fromstring((tmp_path / "attained.svg").read_text())  # noqa: S314 - our own text
    texts = {one.text for one in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"plain", "better"} <= texts
    assert len(root.findall("{http://www.w3.org/2000/svg}path")) == 2


def test_as_json_every_seed_and_every_technique_is_there(folders):
    data = json.loads(ask(folders, form="json"))
    assert [side["name"] for side in data["sides"]] == ["plain-0", "plain-1", "better-0", "better-1"]
    plain, better = data["techniques"]
    assert better["hypervolume"]["mean"] > plain["hypervolume"]["mean"]
    assert better["above_first"] == 1.0
    assert better["attainment"]["0.5"]


def test_the_volume_after_a_part_of_the_budget_is_what_was_reached_by_then():
    four = sweep((0.2, 0.8), (0.5, 0.5), (0.9, 0.1), (0.1, 0.9))
    side = compare({"x": four, "y": four}, BOTH, reference={"a": 0.0, "b": 1.0}).sides[0]
    assert [side.volume_after(part) for part in (0.2, 0.25, 0.5, 0.75, 1.0)] == pytest.approx(
        [0.0, 0.04, 0.25, 0.81, 0.81]
    )


def test_volumes_over_the_budget_are_in_the_table_and_in_the_data(folders):
    lines = ask(folders, form="markdown").splitlines()
    assert lines[0] == "| at 20 trials each | plain | better |"
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in lines if line.startswith("|")}
    for part, word in (("0.25", "a quarter"), ("0.5", "half"), ("0.75", "three quarters")):
        each = json.loads(ask(folders, form="json"))["techniques"][0]["hypervolume_after"][part]["each"]
        assert mean_and_ends(each, 4) in rows[f"hypervolume after {word} of the budget ↑"]
    alone = ask({"a": folders["plain"][:1], "b": folders["better"][:1]}, form="markdown")
    assert "| hypervolume after half of the budget ↑ |" in alone


def test_tables_are_compared_as_their_folders_are(folders, tmp_path):
    tables = {}
    for name, members in folders.items():
        tables[name] = [str(tmp_path / f"{name}-{n}.csv") for n in range(len(members))]
        for folder, table in zip(members, tables[name], strict=True):
            show.report([folder], objectives=None, where=(), files={"csv": table}, as_json=False)
    assert ask(tables) == ask(folders)
    assert grouped([",".join(tables["plain"])]) == {"plain": tables["plain"]}


def test_single_sweeps_are_told_apart_with_a_word_on_luck(folders):
    text = ask(grouped([folders["plain"][0], f"mine={folders['better'][0]}"]), form="markdown")
    assert "cannot tell a difference from luck" in text
    assert "each | plain-0 | mine |" in text
    taken = ask(grouped([folders["plain"][0], f"plain-0={folders['better'][0]}"]), form="markdown")
    assert "each | plain-0 | better-0 |" in taken


def test_a_mistake_is_one_line(folders, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'trials'"):
        ask(folders, budget="trails")
    with pytest.raises(ConfigError, match="is named twice"):
        ask({"a": folders["plain"][:1], "b": folders["plain"][:1]})
    with pytest.raises(ConfigError, match="two sweeps or more"):
        ask({"a": folders["plain"][:1]})
    with pytest.raises(DataError, match="not an experiment folder"):
        ask({"a": [str(tmp_path)], "b": folders["plain"][:1]})
