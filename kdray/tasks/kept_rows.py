"""The rows of a corpus, encoded once and kept on disk: what is held of each is where it stands."""

from __future__ import annotations

import os
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from tempfile import TemporaryFile, gettempdir
from typing import overload

import numpy as np

from kdray.corpus.example import Example
from kdray.storage import room
from kdray.tasks.row import Row
from kdray.tasks.task import Task

EXAMPLES = 1000
"""That are encoded at a time, and the rest of the last one's test."""


def encoded(task: Task, examples: Iterable[Example]) -> Iterator[Row]:
    """What `task.rows` gives, as the examples are read. A row holds assertions of one test alone."""
    for some in _whole_tests(examples):
        yield from task.rows(some)


def _whole_tests(examples: Iterable[Example]) -> Iterator[list[Example]]:
    some: list[Example] = []
    for example in examples:
        if len(some) >= EXAMPLES and (some[-1].group, some[-1].test) != (example.group, example.test):
            yield some
            some = []
        some.append(example)
    if some:
        yield some


class KeptRows(Sequence[Row]):
    """Rows in a file without a name, which is gone at the end of the block, or with the last who holds them.

    Attributes:
        num_targets: of all of them.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        """Reads all of them. Raises `StorageError` where the disk of temporary files is full."""
        # Of each row where it begins, and how many bytes are its id's and its tokens'; the rest are its labels'.
        self._starts, self._names, self._inputs = array("Q", [0]), array("I"), array("I")
        self.num_targets = 0
        with room(gettempdir()), ExitStack() as on_failure:
            self._file = on_failure.enter_context(TemporaryFile())
            for row in rows:
                ids, labels = (np.asarray(part, np.int32) for part in (row.input_ids, row.labels))
                parts = row.id.encode(), ids.tobytes(), labels.tobytes()
                self._file.write(b"".join(parts))
                self._starts.append(self._starts[-1] + sum(map(len, parts)))
                self._names.append(len(parts[0]))
                self._inputs.append(len(parts[1]))
                self.num_targets += row.num_targets
            self._file.flush()
            on_failure.pop_all()
        weakref.finalize(self, self._file.close)  # for rows that are held outside of a block

    def __enter__(self) -> KeptRows:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, which: int) -> Row: ...

    @overload
    def __getitem__(self, which: slice) -> list[Row]: ...

    def __getitem__(self, which: int | slice) -> Row | list[Row]:
        if isinstance(which, slice):
            return [self._row(number) for number in range(*which.indices(len(self)))]
        return self._row(range(len(self))[which])

    def _row(self, number: int) -> Row:
        start, name, inputs = self._starts[number], self._names[number], self._inputs[number]
        # Of its own and writable, as rows are that were never away.
        data = bytearray(self._starts[number + 1] - start)
        os.preadv(self._file.fileno(), [data], start)
        ids = np.frombuffer(data[name:], np.int32)
        return Row(data[:name].decode(), ids[: inputs // 4], ids[inputs // 4 :])
