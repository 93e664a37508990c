"""Reading strictly: what is no plain mapping is refused, and a part comes back from its own data."""

from __future__ import annotations

import re

import pytest
import yaml

from kdray.config import (
    Sweep,
    as_data,
    load_sweep,
    parse,
    read_yaml,
    sweep_from,
)
from kdray.errors import ConfigError
from tests.config.test_check import DATA


def test_a_sweep_comes_back_from_its_own_data():
    sweep = sweep_from(DATA, "file.yaml")
    assert parse(Sweep, as_data(sweep), "again") == sweep


def test_numbers_with_an_exponent_are_numbers(tmp_path):
    (tmp_path / "a.yaml").write_text("lr: 1e-4\nsteps: 1000\nname: 1e-4x\nx: .5e3\nneg: -2E+3\n")
    assert read_yaml(tmp_path / "a.yaml") == {
        "lr": 1e-4,
        "steps": 1000,
        "name": "1e-4x",
        "x": 500.0,
        "neg": -2000.0,
    }


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "a: !!python/object/apply:os.getcwd []\n"])
def test_what_is_no_plain_mapping_is_refused(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"a\.yaml"):
        load_sweep(tmp_path / "a.yaml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        load_sweep(tmp_path / "none.yaml")
    (tmp_path / "mine.yaml").touch()
    for name in ("mien.yaml", "mine"):
        with pytest.raises(ConfigError, match=rf"{name}: No such file.*, did you mean '.*/mine\.yaml'"):
            load_sweep(tmp_path / name)
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file or directory$"):
        load_sweep(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("distil.alfa", "trial.distil"),
        ("alpha", "trial.distil.alpha"),
        ("trials", "search.trials"),
        ("trial.rungs", "trial.budget.rungs"),
        ("nmae", "name"),
    ],
)
def test_a_key_that_stands_elsewhere_is_named_with_its_place(tmp_path, key, meant):
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(DATA))
    with pytest.raises(ConfigError, match=f"unknown key '.*', did you mean '{re.escape(meant)}'?"):
        load_sweep(tmp_path / "a.yaml", [f"{key}=1"])
