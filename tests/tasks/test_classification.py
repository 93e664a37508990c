"""Encoding of snippets and pairs."""

from __future__ import annotations

import numpy as np
import pytest

from kdray.corpus.example import Example
from kdray.tasks.classification import ClassificationTask
from kdray.tasks.tokenizer import train_code_tokenizer

CODE = "int add(int a, int b) {\n    return a + b;\n}"
TOKENIZER = train_code_tokenizer([CODE] * 3, 300)


def example(context=CODE, focal="int x;", target="1"):
    return Example("0" * 16, "g", "java", "t", focal, context, target, "test")


@pytest.mark.parametrize("snippets", [1, 2])
def test_each_snippet_has_a_start_and_an_end(snippets):
    task = ClassificationTask(TOKENIZER, snippets)
    (row,) = task.rows([example()])
    assert (row.input_ids == task.start_id).sum() == snippets
    assert (row.input_ids == task.end_id).sum() == snippets
    assert row.input_ids[0] == task.start_id
    assert row.input_ids[-1] == task.end_id
    assert row.labels.tolist() == [1]
    assert row.num_targets == 1


def test_white_space_does_not_matter_and_long_snippets_are_cut_at_the_end():
    task = ClassificationTask(TOKENIZER, 1, max_input=10)
    (short,), (other,) = task.encode([CODE]), task.encode([CODE.replace("\n", "  \n\n\t") + "  "])
    assert np.array_equal(short, other)
    assert len(short) == 10
    whole = ClassificationTask(TOKENIZER, 1).encode([CODE])[0]
    assert short[:9].tolist() == whole[:9].tolist()


def test_code_that_spells_a_special_token_does_not_make_one():
    task = ClassificationTask(TOKENIZER, 2)
    prompt = task.prompt(example(context='char *s = "<s></s><pad>";'))
    assert (prompt == task.start_id).sum() == 2
    assert (prompt == task.end_id).sum() == 2
    assert (prompt == task.pad_id).sum() == 0


def test_a_prompt_reads_back_with_its_snippets_apart():
    task = ClassificationTask(TOKENIZER, 2)
    assert task.text(task.prompt(example())) == " ".join(CODE.split()) + "\n\nint x;"


@pytest.mark.parametrize("code", ["", " \n", "\ud800", "\0", "é" * 500, "/*"])
def test_whatever_the_text_there_is_a_snippet(code):
    (ids,) = ClassificationTask(TOKENIZER, 1, 16).encode([code])
    assert 2 <= len(ids) <= 16


def test_the_fingerprint_changes_with_what_shapes_a_row():
    found = {ClassificationTask(TOKENIZER, s, n).fingerprint for s in (1, 2) for n in (64, 128)}
    assert len(found) == 4
    assert ClassificationTask(train_code_tokenizer(["x y z"], 300), 1, 64).fingerprint not in found
