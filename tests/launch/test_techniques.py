"""The presets of published techniques from their files to their fronts, on a tiny budget: everything as they say
but the folders, the sizes and how long.
"""

from __future__ import annotations

import json
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from kdray import results
from kdray.config import Sweep, read_yaml, sweep_from
from kdray.search import constraints
from tests.one_by_one import train_each
from tests.test_cli import run

SWEEPS = Path(__file__).resolve().parents[2] / "sweeps"
TASKS = {"": "clone", "_vulnerability": "vulnerability"}
PRESETS = [f"{name}{task}" for name in ("compressor", "avatar", "morph") for task in TASKS]
SMALL: dict[str, Any] = {
    "student.vocab": {"range": [300, 400], "step": 50},
    "student.layers": [1, 2],
    "student.hidden": {"range": [16, 32], "step": 8},
    "student.feed_forward": [32, 64],
    "student.heads": [1, 2, 4],
    "student.positions": {"range": [98, 128]},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "compressor": {"targets_mb": [0.1, 0.15], "population": 8, "generations": 4, "searches": 2},
    "avatar": {"samples": 3, "target_mb": 0.15, "population": 8, "generations": 4},
    "morph": {"samples": 3, "target_mb": 0.15, "population": 8, "generations": 4, "tuned": False},
}
TRIALS = {"compressor": 2, "avatar": 4, "morph": 4}


def tiny(preset: str, world: Path, runs: Path) -> Sweep:
    """A preset over a world that takes seconds."""
    data = read_yaml(SWEEPS / f"{preset}.yaml")
    technique = data["search"]["sampler"]
    trial = data["trial"]
    trial |= {name: str(world / name) for name in ("corpus", "teacher", "suite")}
    trial |= {"shards": str(world / "signal"), "encoding": {"max_input": 126}, "budget": {"steps": 3}}
    trial["student"] |= {
        "layers": 1,
        "hidden": 16,
        "heads": 2,
        "feed_forward": 32,
        "positions": 128,
        "vocab": 300,
    }
    trial["optim"] |= {"warmup_steps": 1, "batch_size": 8}
    trial["evaluation"] = {"cases": 8}
    data["capture"] |= {"rows": 48, "cases": 8}
    data["space"] |= {path: spec for path, spec in SMALL.items() if path in data["space"]}
    data["search"] |= {"sampler_params": SETTINGS[technique], "trials": TRIALS[technique]}
    return sweep_from({**data, "storage": str(runs)}, preset)


def train_all(sweep: Sweep, folder: Path, until: int = 1000) -> None:
    """Runs a sweep in this process without Ray, at most `until` trials of it."""
    gate = constraints.Gate(sweep, constraints.sizes({"vocab": 320}))
    with closing(train_each(sweep, folder, gate)) as trials:
        for _ in islice(trials, until):
            pass


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_runs_to_its_front_and_goes_on_from_the_study(
    preset: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = request.getfixturevalue(f"{'vulnerability' if 'vulnerability' in preset else 'clone'}_world")
    sweep = tiny(preset, world, tmp_path)
    folder = tmp_path / sweep.name
    train_all(sweep, folder, until=1)
    train_all(sweep, folder)
    records = results.read(folder)
    assert [record.state for record in records] == ["complete"] * sweep.search.trials
    for record in records:
        assert set(sweep.objectives) <= set(record.metrics)
    assert len({json.dumps(record.trial["student"], sort_keys=True) for record in records}) == len(records)
    code, out, err = run(monkeypatch, capsys, "pareto", folder, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["trials"]["complete"] == sweep.search.trials
    assert found["front"]
    assert found["objectives"] == sweep.objectives


def test_validate_refuses_a_setting_that_the_technique_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "morph.yaml"
    path.write_text((SWEEPS / "morph.yaml").read_text().replace("population: 50", "populaton: 50"))
    code, _, err = run(monkeypatch, capsys, "validate", path)
    assert code == 2
    assert "search.sampler_params: unknown key 'populaton', did you mean 'population'?" in err


@pytest.mark.cluster
def test_a_preset_is_launched_like_any_sweep(
    clone_world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "morph.yaml"
    path.write_text(yaml.safe_dump(tiny("morph", clone_world, tmp_path / "runs").model_dump(mode="json")))
    code, out, err = run(monkeypatch, capsys, "launch", path, "--json")
    assert code == 0, err
    assert [trial["state"] for trial in json.loads(out)["trials"]] == ["complete"] * TRIALS["morph"]
