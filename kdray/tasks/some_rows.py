"""Some rows of a corpus, without encoding the rest of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from kdray.corpus.example import Example
from kdray.corpus.sample import evenly
from kdray.tasks.row import Row
from kdray.tasks.task import Task


def some_rows(task: Task, examples: Sequence[Example], count: int) -> list[Row]:
    """`count` rows, or all where there are fewer, from tests that are evenly spaced, in the order of the examples.

    A row holds assertions of one test alone, so tests are drawn, and twice as many while their rows are too few.
    """
    tests = [list(run) for _, run in groupby(examples, key=lambda example: (example.group, example.test))]
    wanted = count
    while True:
        chosen = evenly(len(tests), wanted)
        rows = task.rows([example for i in chosen for example in tests[i]])
        if len(rows) >= count or len(chosen) == len(tests):
            return [rows[i] for i in evenly(len(rows), count)]
        wanted *= 2
