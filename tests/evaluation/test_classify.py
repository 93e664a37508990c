"""A classifier as a function."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kdray.config import RobertaStudent
from kdray.evaluation.classify import Classifier
from kdray.students.families import build
from kdray.tasks.classification import ClassificationTask
from kdray.tasks.tokenizer import train_code_tokenizer

CODES = ["int a;", "int b = 2; b++;", "for (;;) { c(); }", "d", "e(e(e(e(e()))));"]


def classifier(snippets: int, batch_size: int) -> Classifier:
    tokenizer = train_code_tokenizer(CODES, 300)
    task = ClassificationTask(tokenizer, snippets, 30)
    student = RobertaStudent(
        family="roberta", layers=2, hidden=16, heads=2, feed_forward=8, snippets=snippets, positions=40
    )
    torch.manual_seed(0)
    model = build(student, len(tokenizer), pad_id=task.pad_id, end_id=task.end_id, start_id=task.start_id)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return Classifier(model, task, batch_size)


@pytest.mark.parametrize("snippets", [1, 2])
def test_the_answer_does_not_depend_on_the_batch(snippets):
    inputs = [tuple(CODES[(i + s) % len(CODES)] for s in range(snippets)) for i in range(len(CODES))]
    together = classifier(snippets, 4)(inputs)
    alone = np.concatenate([classifier(snippets, 1)([one]) for one in inputs])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(together.sum(1), 1)
    assert len(np.unique(together.round(4), axis=0)) > 1


def test_a_snippet_is_read_once(monkeypatch):
    made, read = classifier(2, 4), []
    encode = made.task.encode
    monkeypatch.setattr(type(made.task), "encode", lambda self, codes: read.extend(codes) or encode(codes))
    first = made([("a", "b"), ("a", "c"), ("b", "a")])
    again = made([("a", "b"), ("a", "c"), ("b", "a")])
    assert sorted(read) == ["a", "b", "c"]
    assert np.array_equal(first, again)


def test_one_in_another_precision_says_nearly_the_same():
    inputs, whole = [(code,) for code in CODES], classifier(1, 4)
    expected = whole(inputs)
    narrow = Classifier(whole.model.to(torch.bfloat16), whole.task, 4)(inputs)
    assert 0 < np.abs(narrow - expected).max() < 0.05
