"""The head of a model card, as the Hub reads it: licence, base model, data sets, metrics with intervals, tags."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from kdray.errors import ConfigError
from kdray.handover.usage import PIPELINES, Family
from kdray.packaged import is_named
from kdray.recorded import json_object
from kdray.report import describe
from kdray.report.front import ends

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}")
"""A model or data set on the Hub: who, and what."""
LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{1,60}")
"""A licence as the Hub names it, such as `apache-2.0`."""
SOURCE = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[\w.-]{1,96})?")
"""A data set, or what a corpus was mined from."""
PACKAGED_LICENSE = "apache-2.0"
HEAD = re.compile(r"---\n(.*?)\n---", re.DOTALL)
MOST = 1 << 20
"""Bytes of a card that are looked at."""
METRICS = {
    "assertion_accuracy": "accuracy",
    "accuracy": "accuracy",
    "f1": "f1",
    "agreement": "agreement_with_teacher",
    "metamorphic_discrepancy": "metamorphic_discrepancy",
}
"""Our names, and the Hub's where it has one."""


def of_teacher(teacher: str, back: int = 3) -> dict[str, Any]:
    """`license` and `base_model` of a teacher, as far as its name tells, or the card in its folder, or that
    of the model that `kdray teacher train --from` fine-tuned; so many times `back`.
    """
    if is_named(teacher):
        return {"license": PACKAGED_LICENSE}
    folder = Path(teacher)
    if not folder.is_dir():
        return {"base_model": teacher} if HUB_NAME.fullmatch(teacher) else {}
    before = of_teacher(named, back - 1) if back and (named := _trained_from(folder)) else {}
    return before | _said(folder / "README.md")


def _trained_from(folder: Path) -> str:
    """The model that a teacher was fine-tuned from; "" for none."""
    if not (record := folder / "training.json").is_file():
        return ""
    recipe = json_object(record.read_bytes(), str(record)).get("recipe")
    student = recipe.get("student") if isinstance(recipe, dict) else None
    return str(student.get("checkpoint") or "") if isinstance(student, dict) else ""


def _said(card: Path) -> dict[str, Any]:
    """What the head of a card says, where it is what the Hub has such names for."""
    if not card.is_file() or (found := HEAD.match(card.read_bytes()[:MOST].decode(errors="replace"))) is None:
        return {}
    try:
        said = yaml.safe_load(found[1])
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    known = {"license": LICENSE, "base_model": HUB_NAME}
    told = {name: said.get(name) for name in known} if isinstance(said, dict) else {}
    return {
        name: value for name, value in told.items() if isinstance(value, str) and known[name].fullmatch(value)
    }


def check_license(name: str) -> None:
    """Raises `ConfigError` for what the Hub has no such name for."""
    if not LICENSE.fullmatch(name):
        raise ConfigError(f"--license {name}: name it as the Hub does, such as {PACKAGED_LICENSE}")


def metadata(facts: Mapping[str, Any], family: Family) -> str:
    """The head of the card, between its lines of `---`: YAML in which nothing of a name is markup.

    Args:
        facts: of the statement, as data.
        family: how the student is used.
    """
    teacher, data, task = facts["teacher"], facts["data"], facts["trial"]["task"]
    sources = [name for name in map(str, data.get("sources") or []) if SOURCE.fullmatch(name)]
    head: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": PIPELINES[family],
        "license": teacher.get("license", "unknown"),
        "base_model": teacher.get("base_model"),
        "datasets": sources,
        "tags": ["code", task, "distillation", "kdray", *(["gguf"] if facts["gguf"] else [])],
        "metrics": sorted({hub for name, hub in METRICS.items() if _is_number(facts, name)}),
        "model-index": _results(facts, family, sources),
    }
    told = {name: value for name, value in head.items() if value}
    return "---\n" + yaml.safe_dump(told, sort_keys=False, width=1000) + "---"


def _results(facts: Mapping[str, Any], family: Family, sources: list[str]) -> list[dict[str, Any]]:
    measured = [
        {
            "type": hub,
            "name": f"{describe.title(name)}, 95 % interval {_interval(facts['marks'], name)}",
            "value": round(float(facts["marks"][name]), 4),
        }
        for name, hub in METRICS.items()
        if _is_number(facts, name)
    ]
    if not measured:
        return []
    split = "test" if facts["chosen_by"] else "valid"
    dataset = {"type": "kdray", "name": ", ".join(sources) or "a corpus of its own", "split": split}
    task = {"type": PIPELINES[family], "name": facts["trial"]["task"]}
    return [
        {
            "name": f"{facts['sweep']['name']} {facts['trial']['key']}",
            "results": [{"task": task, "dataset": dataset, "metrics": measured}],
        }
    ]


def _is_number(facts: Mapping[str, Any], name: str) -> bool:
    return isinstance(facts["marks"].get(name), (int, float))


def _interval(marks: Mapping[str, Any], name: str) -> str:
    low, high = ends((marks.get("intervals") or {}).get(name))
    return "not measured" if math.isnan(low) else f"[{low:.3f}, {high:.3f}]"
