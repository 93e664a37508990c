"""Rows that hold as many assertions of one test as fit (decoder-only), and such rows taken apart again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kdray.corpus.example import Example
from kdray.tasks.row import IGNORED, Row

Ids = NDArray[np.int32]


class RowBuilder:
    """Collects context and targets of one test until a row is full."""

    def __init__(self, header: Ids, max_row: int, max_context: int, start: Ids) -> None:
        self._header, self._max_row, self._max_context = header, max_row - len(start), max_context
        self._start = start
        self._ids: list[Ids] = []
        self._labels: list[Ids] = []
        self._id = ""

    @property
    def has_target(self) -> bool:
        """Whether the row teaches something yet."""
        return bool(self._id)

    @property
    def _length(self) -> int:
        return sum(len(ids) for ids in self._ids)

    def full(self, more: int) -> bool:
        """Whether `more` tokens no longer fit; a row without a target yet is never full: its context is cut
        instead.
        """
        return self.has_target and len(self._header) + self._length + more > self._max_row

    def add(self, example_id: str, context: Ids, target: Ids, is_target: bool) -> None:
        """Context and the assertion behind it; one that is no target is read and not learnt."""
        self._ids.append(context)
        self._labels.append(np.full(len(context), IGNORED, np.int32))
        if not self.has_target:
            room = self._max_row - len(self._header) - len(target)
            self._cut(max(1, min(self._max_context, room)))
        self._ids.append(target)
        self._labels.append(target if is_target else np.full(len(target), IGNORED, np.int32))
        if is_target and not self.has_target:
            self._id = example_id

    def _cut(self, limit: int) -> None:
        self._ids = [np.concatenate(self._ids)[-limit:]]
        self._labels = [np.concatenate(self._labels)[-limit:]]

    def restart(self, overlap: int) -> None:
        """Begins the test's next row with the end of this one as context."""
        self._cut(overlap)
        self._labels = [np.full(len(self._ids[0]), IGNORED, np.int32)]
        self._id = ""

    def row(self) -> Row:
        """What was collected."""
        # A header that leaves no room for context and target is cut itself.
        ids = np.concatenate([self._header, *self._ids])[-self._max_row :]
        header_labels, start_labels = (
            np.full(len(part), IGNORED, np.int32) for part in (self._header, self._start)
        )
        labels = np.concatenate([header_labels, *self._labels])[-self._max_row :]
        return Row(self._id, np.concatenate([self._start, ids]), np.concatenate([start_labels, labels]))


def chains(examples: Sequence[Example]) -> Iterator[list[Example]]:
    """Runs of examples of one test in which each context continues the one before."""
    chain: list[Example] = []
    for example in examples:
        if chain and not _continues(chain[-1], example):
            yield chain
            chain = []
        chain.append(example)
    if chain:
        yield chain


def _continues(before: Example, after: Example) -> bool:
    same_test = (before.group, before.test, before.focal) == (after.group, after.test, after.focal)
    return same_test and after.context.startswith(f"{before.context}{before.target}\n")


def repacked(
    row: Row,
    end_ids: Collection[int],
    read: tuple[Callable[[Ids], str], Callable[[Ids], tuple[str, str, str]]],
    write: tuple[Callable[[str], Ids], Callable[[str], Ids]],
    max_row: int,
) -> Row:
    """A row part by part in other tokens, cut in front to `max_row`, but to no less than its first target.

    Args:
        row: of a tokenizer whose targets end in one of `end_ids`.
        end_ids: see `row`.
        read: give the text of what stands between targets; and of a target, with what of the texts before and
            behind it is in its tokens.
        write: give the new tokens of both.
        max_row: tokens at most.
    """
    ids: list[Ids] = []
    labels: list[Ids] = []
    between = ""

    def add_context() -> None:
        if between:
            ids.append(write[0](between))
            labels.append(np.full(len(ids[-1]), IGNORED, np.int32))

    for part, is_target in _parts(row, end_ids):
        if not is_target:
            between += read[0](part)
            continue
        lead, target, trail = read[1](part)
        between += lead
        add_context()
        ids.append(write[1](target))
        labels.append(ids[-1])
        between = trail
    add_context()
    whole, whole_labels = np.concatenate(ids), np.concatenate(labels)
    first = int(np.flatnonzero(whole_labels != IGNORED)[0])
    cut = min(max(0, len(whole) - max_row), max(0, first - 1))
    return Row(row.id, whole[cut:], whole_labels[cut:])


def _parts(row: Row, end_ids: Collection[int]) -> Iterator[tuple[Ids, bool]]:
    """A row's runs of context and its single targets, in order, each with whether it is a target."""
    is_target = row.labels != IGNORED
    borders = np.flatnonzero(np.diff(is_target.astype(np.int8))) + 1
    ends = np.flatnonzero(is_target & np.isin(row.input_ids, list(end_ids))) + 1
    cuts = sorted({*borders.tolist(), *ends.tolist()} - {len(is_target)})
    for ids, targets in zip(np.split(row.input_ids, cuts), np.split(is_target, cuts), strict=True):
        if len(ids):
            yield ids, bool(targets[0])
