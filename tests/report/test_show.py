"""What `kdray pareto` prints and writes."""

from __future__ import annotations

import csv
import json
import struct
import subprocess
import sys

import pytest

from kdray.errors import ConfigError
from kdray.report.front import value
from kdray.report.show import FILES, report


def ask(*folders, **changes):
    asked = {"objectives": None, "where": (), "files": {}, "as_json": False}
    return report([str(folder) for folder in folders], **{**asked, **changes})


def test_every_kind_of_file_is_written_whole(folder, tmp_path):
    pytest.importorskip("resvg_py")
    files = {kind: str(tmp_path / f"front.{kind}") for kind in FILES}
    ask(folder, files=files)
    starts = {
        "html": b"<!doctype html>", "csv": b"trial,state", "latex": rb"\begin{tabular}", "markdown": b"| trial",
        "svg": b"<svg", "png": b"\x89PNG",
    }  # fmt: skip
    for kind, path in files.items():
        with open(path, "rb") as stream:
            assert stream.read(40).lower().startswith(starts[kind].lower()), kind


def test_the_png_is_the_picture_at_twice_its_size_and_not_empty(folder, tmp_path):
    pytest.importorskip("resvg_py")
    path = tmp_path / "front.png"
    ask(folder, files={"png": str(path)})
    data = path.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (1280, 880)
    assert len(data) > 10_000


def test_filters_and_objectives_change_the_front(folder, experiment):
    data = json.loads(
        ask(
            folder,
            objectives="assertion_accuracy:max,student_params:min,metamorphic_discrepancy",
            where=["student_params <= 8e5"],
            as_json=True,
        )
    )
    assert list(data["objectives"]) == ["assertion_accuracy", "student_params", "metamorphic_discrepancy"]
    small = {r.key for r in experiment.records if r.state == "complete" and value(r, "student_params") <= 8e5}
    assert {row["trial"] for row in data["rows"] if row["rank"] is not None} == small
    assert set(data["front"]) <= small


def test_json_has_the_hypervolume_over_trials_and_device_seconds_and_how_sure_the_front_is(folder):
    data = json.loads(ask(folder, as_json=True))
    history = data["history"]
    assert len(history["trial"]) == len(history["seconds"]) == len(history["volume"])
    assert history["volume"] == sorted(history["volume"])
    assert history["volume"][-1] == pytest.approx(data["hypervolume"])
    assert history["seconds"] == sorted(history["seconds"])
    sure = {row["trial"]: row["front_probability"] for row in data["rows"]}
    assert all(0 <= sure[key] <= 1 for key in data["front"])
    assert any(0 < sure[key] < 1 for key in data["front"])


def test_several_sweeps_are_printed_but_not_written_to_one_file(folder, tmp_path):
    assert ask(folder, folder).count("hypervolume") == 2
    with pytest.raises(ConfigError, match="--csv reports one sweep at a time"):
        ask(folder, folder, files={"csv": str(tmp_path / "x.csv"), "html": None})
    assert list(tmp_path.iterdir()) == []


def test_csv_says_how_sure_the_front_is(folder, tmp_path):
    ask(folder, files={"csv": str(tmp_path / "x.csv")})
    with open(tmp_path / "x.csv") as stream:
        rows = list(csv.DictReader(stream))
    assert sum(float(row["front_probability"] or 0) > 0 for row in rows) > 1


def test_the_report_comes_without_torch_ray_and_optuna():
    code = (
        "import sys, kdray.report.html, kdray.report.front_table, kdray.report.formats;"
        "import kdray.report.compare.comparisons, kdray.report.show;"
        "heavy = ('torch', 'ray', 'optuna', 'transformers', 'deepspeed', 'pyarrow', 'plotly');"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
