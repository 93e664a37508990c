"""Sweep files and teachers' recipes made tiny: only sizes and lengths shrink, the rest stays as written.

The folders stay too: a test works in an empty folder where `lay_out` puts tiny corpora and teachers under the
names that the file gives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kdray import packaged
from kdray.config import (
    Sweep,
    TeacherRecipe,
    Trial,
    as_data,
    load_recipe,
    load_sweep,
    parse,
    read_yaml,
    sweep_from,
)
from kdray.pipeline.folders import absolute

SWEEPS = Path(__file__).resolve().parents[1] / "sweeps"
Limits = Mapping[str, tuple[int, int]]
STEPS = 2
LIMITS = {
    "steps": (1, STEPS), "warmup_steps": (0, 1), "context_until": (0, 1), "grace": (0, 1),
    "rows": (1, 32), "rows_per_shard": (1, 16), "batch_size": (1, 8),
    "cases": (4, 8), "rung_cases": (4, 8), "variants_per_case": (1, 2),
    "max_input": (16, 126), "max_target": (4, 64), "max_row": (32, 256),
    "layers": (1, 1), "encoder_layers": (1, 1), "decoder_layers": (1, 1), "hidden": (8, 8), "heads": (1, 1),
    "head_dim": (32, 32), "feed_forward": (8, 16), "positions": (128, 128), "vocab": (300, 300),
}  # fmt: skip
"""Field -> least and greatest value, wherever the field stands. The student is about the smallest that can be
built, to keep whatever share of its teacher's parameters a sweep allows; its heads are as wide as the tiny
teachers', as a slice's must be. A classifier reads two tokens less than it has positions.
"""
TEACHER = LIMITS | {"layers": (1, 2), "heads": (1, 2), "hidden": (64, 64), "feed_forward": (96, 96)}
"""The same for a teacher: slices of it with an eighth of its parameters are models still."""


def files() -> list[Path]:
    """Every sweep file."""
    return sorted(SWEEPS.glob("*.yaml"))


def sampler(path: Path) -> str | None:
    """The sampler that a sweep file names."""
    return dict(read_yaml(path).get("search", {})).get("sampler")


def sweep(path: Path) -> Sweep:
    """The sweep in a file, tiny, its folders below the working folder."""
    data = as_data(load_sweep(path))
    data["capture"]["rows"] = data["capture"]["rows"] or LIMITS["rows"][1]
    return absolute(sweep_from(shrink(data, LIMITS), path.stem))


def recipe(path: Path) -> TeacherRecipe:
    """The recipe in a file, tiny."""
    return parse(TeacherRecipe, shrink(as_data(load_recipe(path)), TEACHER), path.stem)


def smaller_demo(path: str | Path) -> dict[str, Any]:
    """The demo's sweep with less of everything: the same corpus, teacher, space, training and report."""
    data = read_yaml(path)
    data["capture"] |= {"rows": 96, "cases": 24}
    data["trial"]["budget"] = {"steps": 8, "rungs": [4, 8]}
    data["trial"]["evaluation"] = {"cases": 24, "rung_cases": 24}
    data["search"] |= {"trials": 4, "confirm": False}
    return data


def shrink(value: Any, limits: Limits, field: str = "") -> Any:
    """`value` with every number of a field in `limits` within them: in the base trial, the space, its conditions,
    the start points. `field` is what it is the value of, the last part of a dotted path.
    """
    if isinstance(value, dict) and "range" in value:
        return _shrink_range(value, limits, field)
    if isinstance(value, dict):
        names = {key: field if key == "choices" else key.rpartition(".")[2] for key in value}
        return {key: shrink(inner, limits, names[key]) for key, inner in value.items()}
    if isinstance(value, list) and field == "rungs" and all(isinstance(rung, int) for rung in value):
        return _distinct(max(1, rung * STEPS // value[-1]) for rung in value)
    if isinstance(value, list):
        return _distinct(shrink(inner, limits, field) for inner in value)
    if field in limits and isinstance(value, int):
        low, high = limits[field]
        return min(max(value, low), high)
    return value


def _shrink_range(spec: dict[str, Any], limits: Limits, field: str) -> dict[str, Any]:
    """A range between nearer ends, or one choice where they fall together."""
    ends, when = [shrink(end, limits, field) for end in spec["range"]], shrink(spec["when"], limits)
    if ends == spec["range"]:
        return {**spec, "when": when}
    if ends[0] == ends[1]:
        return {"choices": ends[:1], "when": when}
    return {**spec, "range": ends, "step": None, "when": when}


def _distinct(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        found += [] if value in found else [value]
    return found


def world_of(trial: Trial, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """The tiny corpus of a trial's task and language, and its teacher of the student's family."""
    family, java = trial.student.family, "java" in Path(str(trial.corpus)).name
    if family == "roberta":
        name = f"{trial.task}_world"
    elif java:
        name = f"java_{family}_world"
    else:
        name = "seq2seq_world" if family == "t5" else "small_world"
    root = request.getfixturevalue(name)
    return root / "corpus", root / ("t5/teacher" if name == "seq2seq_world" else "teacher")


def lay_out(path: Path, folder: Path, request: pytest.FixtureRequest) -> None:
    """Makes `folder` the working folder, with a corpus and a teacher where the sweep in a file looks for them."""
    trial = load_sweep(path).trial
    monkeypatch = request.getfixturevalue("monkeypatch")
    corpus, teacher = world_of(trial, request)
    link(trial.corpus, corpus, folder)
    put_teacher(trial.teacher, teacher, folder, monkeypatch)
    monkeypatch.chdir(folder)


def put_teacher(name: str | None, made: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the name that a file gives its teacher stand for the one that was `made`."""
    if name is not None and packaged.is_named(name):
        monkeypatch.setitem(packaged.TEACHERS, name.removeprefix(packaged.PREFIX), str(made))
    else:
        link(name, made, folder)


def link(name: str | None, made: Path, folder: Path) -> None:
    """Puts `made` under the name that a file gives it, which must be relative."""
    assert name is not None
    assert not Path(name).is_absolute(), f"{name} is a folder of one machine"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).symlink_to(made)
