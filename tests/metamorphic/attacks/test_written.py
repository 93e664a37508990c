"""Attacks on models that write: they have lost when their answer is no longer the right one in the new names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kdray.corpus.example import Example
from kdray.errors import ConfigError
from kdray.metamorphic.attacks.renaming import RENAMING
from kdray.metamorphic.attacks.victim import Answer
from kdray.metamorphic.compare_models.plan import Plan
from kdray.metamorphic.compare_models.written_attacks import attack_writer, check_attacks, parted, writer
from kdray.students.load import load_model, load_task

PYTHON = Example(
    "1",
    "g",
    "python",
    "test_f",
    "",
    "def test_f():\n    total = add(1, 2)\n    ",
    "assert total == 3",
    "test",
)
JAVA = replace(
    PYTHON,
    language="java",
    context="void t() {\n  int total = add(1, 2);\n  ",
    target="assertEquals(3, total);",
    after="\n  total++;\n}",
)
PLAN = Plan(budget=80, propose=lambda language, code: {"total": ["amount"]})


class Hanging:
    """Writes the right assertion as long as a word stands in the test, and keeps what it was asked."""

    def __init__(self, word: str) -> None:
        self.word, self.asked = word, []  # type: ignore[var-annotated]

    def __call__(self, examples: Sequence[Example]) -> Answer:
        self.asked += examples
        right_N = np.array([bool(re.search(rf"\b{self.word}\b", one.context)) for one in examples])
        return Answer(np.where(right_N, 0.9, 0.1), ~right_N)


@pytest.fixture(scope="module")
def task(small_world: Any) -> Any:
    folder = str(small_world / "teacher")
    return load_task(load_model(folder), folder)


@pytest.mark.parametrize("example", [PYTHON, JAVA], ids=["python", "java"])
@pytest.mark.parametrize("name", sorted(RENAMING))
def test_a_name_that_the_writer_hangs_on_is_found_and_the_assertion_is_renamed_along(
    name: str, example: Example, task: Any
) -> None:
    model = Hanging("total")
    item, result = attack_writer(name, model, task, example, PLAN, 1)
    assert (result.was_right, result.flipped, result.renamed) == (True, True, 1)
    assert item.code == example.context + example.target + example.after
    for asked in model.asked:
        (new,) = re.findall(r"(\S+) = add", asked.context)
        assert new in asked.target
        assert "add(1, 2)" in asked.context
        assert asked.after == example.after.replace("total", new)
    assert "total" not in result.code
    context, rest = parted(result.code, example)
    (new,) = re.findall(r"(\S+) = add", context)
    assert (context + rest).replace(new, "total") == item.code


def test_what_was_wrong_before_is_not_attacked(task: Any) -> None:
    _, result = attack_writer("mhm", Hanging("price"), task, PYTHON, PLAN, 1)
    assert (result.was_right, result.flipped, result.queries) == (False, False, 1)


def test_a_model_is_asked_for_the_probability_of_the_right_answer(small_world: Any, task: Any) -> None:
    import torch

    model = load_model(str(small_world / "teacher"))
    answer = writer(model, task)([PYTHON, replace(PYTHON, target="assert add(2, total)")])
    prompt, target = task.prompt(PYTHON), task.encode_target(PYTHON.target)
    ids_1T = torch.tensor(np.concatenate([prompt, target])[None].astype(np.int64))
    with torch.inference_mode():
        logprob_TV = model(ids_1T).logits[0].log_softmax(1)
    at = torch.arange(len(prompt) - 1, len(prompt) + len(target) - 1)
    wanted = logprob_TV[at, ids_1T[0, len(prompt) :]].mean().exp()
    assert answer.truth[0] == pytest.approx(float(wanted), rel=1e-3)
    assert len(answer) == 2


def test_an_attack_that_does_more_than_rename_is_refused() -> None:
    check_attacks(("mhm", "alert"))
    with pytest.raises(ConfigError, match="--attack style: of models that write"):
        check_attacks(("style",))
