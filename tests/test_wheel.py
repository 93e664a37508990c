"""The wheel alone, installed away from the checkout: everything that a user has without a clone.

Its dependencies are those of the environment that runs the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from kdray import __version__
from tests import tiny, world

pytestmark = [pytest.mark.newcomer, pytest.mark.timeout(1200)]
ROOT = Path(__file__).resolve().parents[1]
Kdray = Callable[..., str]
"""Runs `kdray ARGUMENTS` from the wheel; its stdout."""
SMALL = {
    "search.trials": 2, "search.confirm": "false", "trial.budget.steps": 4, "trial.budget.rungs": "[2, 4]",
    "capture.rows": 48, "capture.cases": 8, "trial.evaluation.cases": 8, "trial.evaluation.rung_cases": 8,
}  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what a build needs: an old build folder of the checkout would get into it."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("out")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    for name in ("kdray", "sweeps"):
        shutil.copytree(
            ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    _pip("wheel", "--no-deps", "--wheel-dir", out, source)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel is installed in, its demo small."""
    folder = tmp_path_factory.mktemp("site")
    _pip("install", "--no-deps", "--target", folder, wheel)
    demo = folder / "kdray" / "demo" / "sweep.yaml"
    demo.write_text(yaml.safe_dump(tiny.smaller_demo(demo), sort_keys=False))
    return folder


@pytest.fixture(scope="module")
def kdray(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Kdray:
    """Runs commands one after the other in a folder with nothing of the checkout in it."""
    folder = tmp_path_factory.mktemp("work")
    world.write_tests(folder / "shop")

    def run(*arguments: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(site), "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, site / "bin" / "kdray", *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"kdray {' '.join(arguments)}\n{done.stderr}"
        return done.stdout

    return run


def _pip(*arguments: str | Path) -> None:
    pip = [sys.executable, "-m", "pip", *map(str, arguments), "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_file_of_the_package_is_in_the_wheel_and_no_other(wheel: Path) -> None:
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "kdray").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    of_studies = [tiny.SWEEPS / "README.md", *tiny.SWEEPS.rglob("*.yaml")]
    studies = {f"kdray/{path.relative_to(ROOT).as_posix()}" for path in of_studies}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == package | studies


def test_the_wheel_and_not_the_checkout_runs_and_finds_itself_well(kdray: Kdray, site: Path) -> None:
    assert kdray("--version") == f"kdray {__version__}\n"
    told = json.loads(kdray("doctor", "--json"))
    assert told["fine"] is True
    assert {one["name"] for one in told["packages"]} > {"torch", "ray"}
    with pytest.raises(AssertionError, match=str(site)):
        kdray("teacher", "eval", "kdray:python", "--corpus", str(site / "kdray"))


def test_a_sweep_is_begun_checked_and_run(kdray: Kdray) -> None:
    kdray("init", "mine")
    kdray("validate", "mine.yaml")
    kdray("corpus", "mine", "shop", "--out", "corpora/mine")
    examined = ("kdray:python", "--corpus", "corpora/mine", "--cases", "4", "--json")
    marks = json.loads(kdray("teacher", "eval", *examined))
    assert marks["teacher"]["cases"] == 4
    settings = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    told = json.loads(kdray("launch", "mine.yaml", "--json", *settings))
    assert len(told["trials"]) == 2
    assert "#SBATCH --job-name" in kdray("launch", "mine.yaml", "--on", "slurm", "--dry-run")


def test_a_study_is_begun_from_the_wheel(kdray: Kdray) -> None:
    for study in ("python-alpha", "java"):
        kdray("init", f"my-{study}", "--study", study)
        assert "fine" in kdray("validate", f"my-{study}.yaml")


def test_the_demo_runs_from_the_wheel_to_its_report_and_an_exported_student(kdray: Kdray) -> None:
    told = json.loads(kdray("demo", "--json"))
    assert {one["state"] for one in told["trials"]} == {"complete"}
    assert 4 <= len(told["trials"]) <= 8  # the likeliest of the front are trained again
    page = Path(told["folder"], "front.html").read_text(encoding="utf-8")
    assert "<script" in page
    kdray("export", "demo", "--knee", "shipped")
    assert "teacher" in kdray("pareto", "demo")
