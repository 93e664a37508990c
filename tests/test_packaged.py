"""What comes with the package, by name and from anywhere."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from kdray import storage
from kdray.config import load_sweep
from kdray.errors import ConfigError
from kdray.metamorphic.compare_models.pairs import name_of
from kdray.packaged import PREFIX, TEACHERS, is_named, located, packaged
from kdray.students.load import load_model, load_tokenizer, weights_fingerprint
from kdray.teacher.cache import local_folder
from tests import world
from tests.test_cli import COMMANDS, run


@pytest.mark.parametrize("name", TEACHERS)
def test_a_packaged_teacher_is_read_by_its_name_from_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    location = PREFIX + name
    assert is_named(location)
    folder = packaged(TEACHERS[name])
    assert (folder / "model.safetensors").is_file()
    assert located(location) == local_folder(location) == str(folder)
    assert storage.read_json(storage.join(location, "training.json"))["seconds"] > 0
    assert weights_fingerprint(load_model(location)) == weights_fingerprint(load_model(folder))
    assert load_tokenizer(location).vocab_size == load_tokenizer(folder).vocab_size
    assert name_of(location) == location


@pytest.mark.parametrize("location", ["teachers/python", "kdray/demo/teacher", "/a/b", "s3://kdray/python"])
def test_any_other_location_stays_as_it_is(location):
    assert located(location) == location


@pytest.mark.parametrize("location", ["kdray:pyton", "kdray:pyton/config.json", "kdray:", "kdray://pyton"])
def test_an_unknown_name_is_refused_with_the_nearest(location):
    with pytest.raises(ConfigError, match="kdray:python"):
        located(location)


def test_a_misspelt_teacher_costs_one_line_wherever_it_stands(monkeypatch, capsys, tmp_path, small_world):
    data = world.sweep_data(small_world)
    data["trial"]["teacher"] = "kdray:pyton"
    path = tmp_path / "sweep.yaml"
    path.write_text(json.dumps(data))
    source = tmp_path / "test_a.py"
    source.write_text("def test_a():\n    x = 1\n    <ASSERT>\n")
    for arguments in (
        ["validate", path],
        ["teacher", "eval", "kdray:pyton", "--corpus", small_world / "corpus"],
        ["predict", "kdray:pyton", source],
        ["compare", "kdray:pyton", "--by", "step"],
        ["metamorphic", "kdray:pyton", "kdray:python", "--data", small_world / "corpus"],
    ):
        code, out, err = run(monkeypatch, capsys, *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), arguments
        assert "no packaged teacher 'kdray:pyton', did you mean 'kdray:python'?" in err, arguments


def test_nothing_is_written_into_the_package(monkeypatch, capsys, tmp_path, small_world):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(world.recipe(small_world / "corpus").model_dump_json())
    before = sorted(packaged("demo").rglob("*"))
    code, _, err = run(monkeypatch, capsys, "teacher", "train", "recipe.yaml", "--out", "kdray:python")
    assert (code, err.count("\n")) == (2, 1)
    assert "what comes with kdray is only read" in err
    for write in (storage.write_atomic, storage.write_once):
        with pytest.raises(ConfigError, match="only read"):
            write("kdray:python/order.safetensors", b"")
    with pytest.raises(ConfigError, match="only read"):
        storage.delete("kdray:python")
    assert sorted(packaged("demo").rglob("*")) == before


def test_the_packaged_teacher_is_examined_asked_and_compared_by_its_name(
    monkeypatch, capsys, tmp_path, small_world
):
    corpus = small_world / "corpus"
    code, out, err = run(
        monkeypatch, capsys, "teacher", "eval", "kdray:python", "--corpus", corpus, "--cases", 4, "--json"
    )
    assert code == 0, err
    assert json.loads(out)["teacher"]["cases"] == 4
    code, out, err = run(
        monkeypatch, capsys, "compare", "kdray:python", "--by", "step", "--show", "held_out_loss"
    )
    assert code == 0, err
    assert "7,500" in out
    source = tmp_path / "test_a.py"
    source.write_text("def test_a():\n    x = 1\n    <ASSERT>\n")
    code, out, err = run(monkeypatch, capsys, "predict", "kdray:python", source, "--count", 1)
    assert code == 0, err
    assert out.strip()
    arguments = ["metamorphic", "kdray:python", "kdray:python", "--data", corpus, "--cases", 4]
    code, out, err = run(monkeypatch, capsys, *arguments, "--variants", 1, "--json")
    assert code == 0, err
    (row,) = json.loads(out)["comparisons"]
    assert row["teacher"] == "kdray:python"


def test_a_sweep_s_packaged_teacher_stays_a_name_when_its_folders_are_made_absolute(small_world):
    from kdray.pipeline.folders import absolute

    assert absolute(load_sweep(packaged("sweeps/python.yaml"))).trial.teacher == "kdray:python"


def test_what_a_package_index_shows_stands_by_itself():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    shown = project["readme"]["text"]
    links = re.findall(r"\]\(([^)]+)\)|(?:src|href)=\"([^\"]+)\"", shown)
    assert links
    assert all("".join(link).startswith("https://") for link in links)
    named = set(re.findall(r"(?m)^kdray (\w+)", shown.split("```")[1]))
    assert named
    assert named <= COMMANDS
