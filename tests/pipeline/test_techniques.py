"""The presets of published techniques from their files to their fronts, on tiny data, with short searches."""

from __future__ import annotations

import json
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from kdray import results
from kdray.config import Sweep, as_data, sweep_from
from kdray.pipeline.prepare import prepare
from kdray.search import constraints
from kdray.search.techniques.by_name import TECHNIQUES
from tests import tiny
from tests.one_by_one import train_each
from tests.test_cli import run

PRESETS = [path for path in tiny.files() if tiny.sampler(path) in TECHNIQUES]
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


def short(path: Path) -> Sweep:
    """A preset with a search of seconds over students that the tiny data can tell apart."""
    data = as_data(tiny.sweep(path))
    data["space"] |= {field: spec for field, spec in SMALL.items() if field in data["space"]}
    technique = data["search"]["sampler"]
    data["search"] |= {"sampler_params": SETTINGS[technique], "trials": TRIALS[technique], "confirm": False}
    return sweep_from(data, path.stem)


def train_all(sweep: Sweep, gate: constraints.Gate, until: int = 1000) -> None:
    """Runs a sweep in this process without Ray, at most `until` trials of it."""
    with closing(train_each(sweep, Path(sweep.storage) / sweep.name, gate)) as trials:
        for _ in islice(trials, until):
            pass


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_runs_to_its_front_and_goes_on_from_the_study(
    path: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiny.lay_out(path, tmp_path, request)
    sweep = short(path)
    gate = constraints.gate_of(sweep, prepare(sweep).context)
    train_all(sweep, gate, until=1)
    train_all(sweep, gate)
    folder = Path(sweep.storage) / sweep.name
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
    path.write_text((tiny.SWEEPS / "morph.yaml").read_text().replace("population: 50", "populaton: 50"))
    code, _, err = run(monkeypatch, capsys, "validate", path)
    assert code == 2
    assert "search.sampler_params: unknown key 'populaton', did you mean 'population'?" in err


@pytest.mark.cluster
def test_a_preset_is_launched_like_any_sweep(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    preset = tiny.SWEEPS / "morph.yaml"
    tiny.lay_out(preset, tmp_path, request)
    path = tmp_path / "morph.yaml"
    path.write_text(yaml.safe_dump(as_data(short(preset))))
    code, out, err = run(monkeypatch, capsys, "launch", path, "--json")
    assert code == 0, err
    assert [trial["state"] for trial in json.loads(out)["trials"]] == ["complete"] * TRIALS["morph"]
