"""Rows of some tests of a corpus."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdray.corpus.example import Example
from kdray.tasks.row import Row
from kdray.tasks.some_rows import some_rows


class Counting:
    """A task that makes as many rows of a test as its name says, and counts what it encodes."""

    def __init__(self):
        self.encoded = 0

    def rows(self, examples):
        self.encoded += len(examples)
        ones = np.ones(1, np.int32)
        return [Row(example.id, ones, ones) for example in examples if example.target != "too long"]


def corpus(sizes, target="1"):
    return [
        Example(f"{test}/{n}", f"f{test // 3}", "python", f"t{test}", "", "", target, "train")
        for test, size in enumerate(sizes)
        for n in range(size)
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=40), st.integers(1, 60))
def test_there_are_as_many_rows_as_asked_for_in_the_order_of_the_corpus(sizes, count):
    examples = corpus(sizes)
    ids = [row.id for row in some_rows(Counting(), examples, count)]
    order = [example.id for example in examples]
    assert len(ids) == len(set(ids)) == min(count, len(examples))
    assert ids == sorted(ids, key=order.index)


def test_only_some_of_the_tests_are_encoded():
    task, examples = Counting(), corpus([3] * 1000)
    assert len(some_rows(task, examples, 60)) == 60
    assert task.encoded <= 2 * 3 * 60


@pytest.mark.parametrize("count", [1, 7])
def test_a_corpus_without_rows_gives_none(count):
    assert some_rows(Counting(), corpus([2] * 5, target="too long"), count) == []
