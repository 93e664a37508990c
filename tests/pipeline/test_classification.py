"""A sweep over classifiers from its file to its front, on Ray."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from kdray.config import as_data
from tests import labelled_world
from tests.test_cli import run


@pytest.mark.cluster
def test_a_sweep_of_vulnerability_detectors_ends_with_its_front(
    vulnerability_world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sweep = labelled_world.sweep(vulnerability_world, "vulnerability")
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump({**as_data(sweep), "storage": str(tmp_path / "runs")}))
    code, out, err = run(monkeypatch, capsys, "launch", path, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["teacher"]["accuracy"] > 0.8
    assert set(found["teacher"]["baselines"]) == {"majority"}
    assert [trial["state"] for trial in found["trials"]] == ["complete", "complete"]
    assert all(0 <= trial["accuracy"] <= 1 for trial in found["trials"])
    assert found["front"]
    student = tmp_path / "runs" / "vulnerability" / "trials" / found["front"][0] / "student"
    source = vulnerability_world / "source"
    arguments = ["metamorphic", vulnerability_world / "teacher", student, "--data", source, "--cases", 6]
    code, out, err = run(monkeypatch, capsys, *arguments, "--json")
    assert code == 0, err
    (row,) = json.loads(out)["comparisons"]
    assert row["student"] == f"{found['front'][0]}/student"
    assert row["technique"] == "kdray"
