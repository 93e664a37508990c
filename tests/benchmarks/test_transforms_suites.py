"""The search for the one application that a project's tests see."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import pytest

from kdray.metamorphic.transforms.base import Refusal, Variant
from tests.benchmarks import transforms_suites
from tests.benchmarks.transforms_suites import Function, play, restored, upper_bound


class Bad:
    """A transformation that adds one, in one function of twenty."""

    name, language = "bad", "python"

    def __call__(self, context: str, target: str, seed: int) -> Variant | Refusal:
        if "def f7" not in context:
            return Refusal("not the seventh")
        return Variant(re.sub("return (.*)", r"return (\1) + 1", context), target, self.name)


class Tiny:
    """A file of twenty functions, whose test is what they return together."""

    name, language = "tiny", "python"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tiny.py"
        self.texts = [f"def f{n}():\n    a = 1\n    return {n}\n" for n in range(20)]
        self.path.write_text("".join(self.texts))
        self.runs = 0

    def functions(self) -> list[Function]:
        found, at = [], 0
        for number, text in enumerate(self.texts):
            found.append(Function(self.path, at, at + len(text), text, f"f{number}"))
            at += len(text)
        return found

    def placed(self, function: Function, text: str) -> str:
        return text

    def passed(self, only: Collection[str] = ()) -> set[str]:
        self.runs += 1
        space: dict[str, object] = {}
        exec(self.path.read_text(), space)  # noqa: S102
        now_and_then = {"unsteady"} if self.runs != 3 else set()
        return now_and_then | {f"test {n}" for n in range(20) if space[f"f{n}"]() == n}  # type: ignore[operator]


def test_the_application_that_did_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = transforms_suites.transforms_of("python")
    monkeypatch.setattr(transforms_suites, "transforms_of", lambda _: (*honest, Bad()))
    project = Tiny(tmp_path)
    before = project.path.read_text()
    found = play(project, 0, lambda _: None)
    assert [change.splitlines()[0] for change in found.changed] == ["bad: ['test 7']"]
    assert "def f7" in found.changed[0]
    assert sum(found.applied.values()) > 200
    assert project.path.read_text() == before
    project.path.write_text("stopped")
    restored(tmp_path)
    assert project.path.read_text() == before
    assert found.unsteady == ["unsteady"]
    assert project.runs < 18


def test_the_bound_is_the_rule_of_three() -> None:
    assert upper_bound(0, 300) == pytest.approx(0.01)
    assert upper_bound(1, 100_000) == pytest.approx(4.74e-5, rel=0.01)
