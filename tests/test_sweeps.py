"""Every file below sweeps/ as it stands, and one short trial or teacher of it on a tiny corpus.

The first trials of the published techniques' presets run in `launch/test_techniques.py`, with the rest of theirs.
"""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kdray import results
from kdray.config import TeacherRecipe, Trial, as_data, merge, parse
from kdray.pipeline.prepare import prepare
from kdray.search.constraints import gate_of
from kdray.search.techniques.by_name import TECHNIQUES
from kdray.students.families import describe
from kdray.students.load import load_model, load_tokenizer
from kdray.teacher.manifest import read as read_manifest
from kdray.train.teacher import train_teacher
from tests import tiny
from tests.one_by_one import train_each
from tests.test_cli import run

FILES = tiny.files()
SEARCHED = [path for path in FILES if tiny.sampler(path) not in TECHNIQUES]
RECIPES = sorted(tiny.SWEEPS.glob("teachers/*.yaml"))


def name(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_sweep_file_is_valid_as_it_stands(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(monkeypatch, capsys, "validate", path)
    assert code == 0, err
    assert out.startswith(f"{path}: fine")


@pytest.mark.parametrize("path", SEARCHED, ids=name)
def test_a_sweep_file_runs_from_its_capture_to_a_trial(
    path: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    tiny.lay_out(path, tmp_path, request)
    sweep = tiny.sweep(path)
    prepared = prepare(sweep)
    folder = Path(sweep.storage) / sweep.name
    with closing(train_each(sweep, folder, gate_of(sweep, prepared.context))) as trials:
        key, metrics = next(trials)
    for objective in sweep.objectives:
        assert math.isfinite(metrics[objective])
    assert metrics["step"] == tiny.STEPS
    [record] = results.read(folder)
    assert (record.key, record.state) == (key, "complete")
    assert parse(Trial, record.trial, key) == merge(sweep.trial, record.overrides)
    plan = sweep.capture
    stores = {str(sweep.trial.shards): plan.codec} | {at: one.codec for at, one in plan.stores.items()}
    for store, codec in stores.items():
        manifest = read_manifest(store)
        assert (manifest.codec_name, manifest.rows) == (codec, plan.rows)


@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_a_teachers_recipe_trains_and_its_folder_loads(
    path: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny.recipe(path)
    corpus, _ = tiny.world_of(recipe, request)
    tiny.link(recipe.corpus, corpus, tmp_path)
    monkeypatch.chdir(tmp_path)
    if recipe.teacher is not None:
        train_teacher(older(recipe), "older")
        tiny.put_teacher(recipe.teacher, tmp_path / "older", tmp_path, monkeypatch)
    curve = train_teacher(recipe, "out")["learning_curve"]
    assert [point["step"] for point in curve] == list(recipe.budget.reports)
    assert all(math.isfinite(point["train_loss"]) for point in curve)
    model = load_model("out")
    assert as_data(describe(model.config)) | {"init": recipe.student.init} == as_data(recipe.student)
    assert len(load_tokenizer("out")) <= model.config.vocab_size


def older(recipe: TeacherRecipe) -> TeacherRecipe:
    """Of the teacher that a recipe goes on from: the same model, with other tokens."""
    data: dict[str, Any] = as_data(recipe)
    data |= {"teacher": None, "vocab": recipe.vocab + 20, "student": data["student"] | {"init": "random"}}
    return parse(TeacherRecipe, data, "older")
