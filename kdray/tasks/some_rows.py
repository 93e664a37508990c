"""Some rows of a corpus, without encoding the rest of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from kdray.corpus.example import Example
from kdray.corpus.sample import evenly
from kdray.tasks.row import Row
from kdray.tasks.task import Task


def some_rows(task: Task, examples: Iterable[Example], count: int) -> list[Row]:
    """`count` rows, or all where there are fewer, from tests that are evenly spaced, in the order of the examples.

    A row holds assertions of one test alone, so tests are drawn, and twice as many while their rows are too few.
    The examples are read once for the number of tests and once for each draw; those that are drawn are held.
    """
    tests = sum(1 for _ in _runs(examples))
    wanted = count
    while True:
        chosen = set(evenly(tests, wanted))
        runs = (run for number, run in enumerate(_runs(examples)) if number in chosen)
        rows = task.rows([example for run in runs for example in run])
        if len(rows) >= count or len(chosen) == tests:
            return [rows[i] for i in evenly(len(rows), count)]
        wanted *= 2


def _runs(examples: Iterable[Example]) -> Iterator[Iterator[Example]]:
    return (run for _, run in groupby(examples, key=lambda example: (example.group, example.test)))
