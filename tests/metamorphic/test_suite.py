from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from kdray.corpus.example import Example
from kdray.errors import ConfigError, DataError
from kdray.metamorphic import suite as suites
from kdray.metamorphic.suite import Suite, build_suite
from kdray.metamorphic.suite_inputs import IDENTITY, suite_inputs
from tests.metamorphic.conftest import Kit


def capture(kit: Kit, folder: Path, **options: object) -> Suite:
    chosen = {"seed": 3, "variants": 2, "header": kit.header, "codec": kit.codec, **options}
    build_suite(kit.model(0), kit.task, kit.examples, str(folder), **chosen)  # type: ignore[arg-type]
    return Suite.open(str(folder), tokenizer=kit.task.fingerprint)


def test_each_case_is_its_clean_row_and_then_its_variants(kit: Kit, tmp_path: Path) -> None:
    suite = capture(kit, tmp_path / "suite")
    assert suite.transforms.count(IDENTITY) == len(kit.examples)
    assert len(suite.transforms) > 2 * len(kit.examples)
    for number, clean in enumerate(suite.clean_row):
        assert suite.transforms[clean] == IDENTITY
        assert suite.cases[number] == suite.cases[clean]
    assert suite.first(2) == list(
        range(suite.transforms.index(IDENTITY, suite.transforms.index(IDENTITY, 1) + 1))
    )
    assert len(suite.first(10**6)) == len(suite.transforms)


def test_the_stored_output_is_the_teachers_own(kit: Kit, tmp_path: Path) -> None:
    suite = capture(kit, tmp_path / "suite")
    prompts, outputs, signal = suite.read(range(len(suite.transforms)))
    assert len(signal) == sum(len(output) for output in outputs)
    assert [kit.task.decode(output) for output in outputs] == suite.teacher_texts
    # Greedy: the first kept token of each position, the most probable one, is what the teacher wrote.
    np.testing.assert_array_equal(signal.ids_NK[:, 0], np.concatenate(outputs))
    head = [signal.logprobs_NK[:, 0]]
    ends = np.cumsum([len(output) for output in outputs])
    means = [part.mean() for part in np.split(head[0], ends[:-1])]
    np.testing.assert_allclose(np.log(suite.teacher_confidence), means, atol=0.1)
    by_id = {example.id: example for example in kit.examples}
    for number in suite.first(12):
        if suite.transforms[number] == IDENTITY:
            assert np.array_equal(prompts[number], kit.task.prompt(by_id[suite.cases[number]]))


def test_a_reference_is_renamed_along(kit: Kit, tmp_path: Path) -> None:
    suite = capture(kit, tmp_path / "suite", transforms=["rename_variable"])
    changed = 0
    for number, renames in enumerate(suite.renames):
        if suite.transforms[number] == "rename_variable":
            ((old, new),) = renames
            clean = suite.references[suite.clean_row[number]]
            assert old not in suite.references[number].split()
            changed += suite.references[number] != clean and new in suite.references[number]
    assert changed > 0


def test_transformations_are_dealt_out_evenly(kit: Kit) -> None:
    names = ["comments", "dead_code", "if_true", "unused_variable"]
    inputs = suite_inputs(kit.task, kit.examples, seed=0, transforms=names)
    counts = [sum(item.transform == name for item in inputs) for name in names]
    assert counts == [3, 3, 3, 3]


def test_a_variant_that_the_model_cannot_see_is_none(kit: Kit) -> None:
    from dataclasses import replace

    shortsighted = replace(kit.task, max_input=8, max_header=1)
    for item in suite_inputs(shortsighted, kit.examples, seed=0, variants=3):
        clean = shortsighted.prompt(next(example for example in kit.examples if example.id == item.case))
        assert item.transform == IDENTITY or not np.array_equal(item.prompt, clean)


def test_an_interrupted_capture_goes_on_to_the_same_bytes(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "ROWS_PER_SHARD", 8)
    capture(kit, tmp_path / "whole")

    def stop(done: int, total: int) -> None:
        if done >= 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        capture(kit, tmp_path / "broken", progress=stop)
    with pytest.raises(DataError, match="not finished"):
        Suite.open(str(tmp_path / "broken"))
    capture(kit, tmp_path / "broken")
    for file in (tmp_path / "whole").iterdir():
        assert file.read_bytes() == (tmp_path / "broken" / file.name).read_bytes()


def test_what_cannot_be_is_said_in_one_line(kit: Kit, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'rename_variable'"):
        capture(kit, tmp_path / "a", transforms=["rename_variables"])
    with pytest.raises(DataError, match="has a variant"):
        capture(kit, tmp_path / "b", transforms=["elif_split"])
    assert not (tmp_path / "b").exists()


def test_in_java_what_follows_is_renamed_along_and_nothing_else_of_it_changes(kit: Kit) -> None:
    context = "void f(int more) {\n    int held = 1;\n    int sum = held + more;\n    "
    target, after = (
        "assertEquals(2, sum); assertTrue(held > 0);",
        "\n    sum++;\n    held += 2;\n    close(held);\n}",
    )
    example = Example("0" * 16, "p/T.java", "java", "T.f", "", context, target, "test", after=after)
    inputs = suite_inputs(kit.task, [example], seed=0, variants=30)
    assert len(inputs) > 5
    renamed = 0
    for item in inputs:
        new_of = dict(item.renames)
        expected = [
            re.sub(r"\w+", lambda word, new_of=new_of: new_of.get(word[0], word[0]), text)
            for text in (target, after)
        ]
        assert [item.example.target, item.example.after] == expected
        renamed += expected != [target, after]
    assert renamed
