"""A teacher's word on a corpus, as shards.

Rows are cut into shards in the order given; inside a shard they are sorted by length, so that a forward pass
pads little. What a shard holds is a function of its rows and the teacher alone: a capture that was killed is
run again, writes the shards that are missing, and ends byte-identical to an undisturbed one.

The teacher is a callable from rows to logits: this module knows no model. One process here; over a cluster the
shards are dealt out by `workers.capture_actors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kdray.corpus.sample import evenly
from kdray.errors import DataError
from kdray.tasks.row import Row
from kdray.teacher.codec import Codec
from kdray.teacher.manifest import Manifest, ShardHeader
from kdray.teacher.shards import ShardWriter, write_all

Forward = Callable[[Sequence[Row]], list[NDArray[np.float32]]]
"""Rows -> float32 [targets of the row, V] logits of each, teacher-forced."""


@runtime_checkable
class Answers(Protocol):
    """A `Forward` with targets of its own: sequence-level distillation learns what the teacher wrote."""

    def answer(self, rows: Sequence[Row]) -> list[Row]:
        """The rows with the teacher's output for targets."""


FIT_ROWS = 256
"""Rows that a codec's state is fitted to, taken evenly from the corpus."""
ROW_TOKENS = 512
"""Tokens of a row that a batch reckons with."""
HELD_ELEMENTS = 1 << 26
"""Logits of these that are held; where they are more, the teacher is asked twice."""


@dataclass(frozen=True)
class Plan:
    """Which rows go into which shard, and how many at a time through the teacher.

    Attributes:
        rows: the corpus.
        rows_per_shard: rows of each shard but the last.
        batch_size: rows of a forward pass.
    """

    rows: Sequence[Row]
    rows_per_shard: int = 512
    batch_size: int = 32

    def __len__(self) -> int:
        return -(-len(self.rows) // self.rows_per_shard)

    def shard(self, number: int) -> list[Row]:
        """The rows of a shard, by length."""
        part = self.rows[number * self.rows_per_shard : (number + 1) * self.rows_per_shard]
        return sorted(part, key=lambda row: len(row.input_ids))

    def sample(self) -> list[Row]:
        """Rows taken evenly from all shards."""
        chosen = [self.rows[i] for i in evenly(len(self.rows), FIT_ROWS)]
        return sorted(chosen, key=lambda row: len(row.input_ids))


def capture(
    rows: Sequence[Row],
    stores: Mapping[str, Codec],
    header: ShardHeader,
    forward: Forward,
    *,
    batch_size: int = 32,
    rows_per_shard: int = 512,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Manifest]:
    """Writes the shards that the stores do not have yet, then their manifests. The teacher reads each row once,
    however many stores hear it.

    Args:
        rows: the corpus; each has at least one target, or none where the teacher answers.
        stores: folder (path or URI) -> how the signal is stored there.
        header: whose signal it is; a folder of another teacher, tokenizer or corpus is refused.
        forward: the teacher; one that `Answers` is asked for the targets first.
        batch_size: rows of a forward pass; part of what makes bytes reproducible.
        rows_per_shard: rows of a shard.
        progress: called with (rows done, rows in all) after each shard.

    Returns:
        The manifest of each store.

    Raises:
        DataError: no rows, or a folder that holds something else.
    """
    if not rows:
        raise DataError(f"{', '.join(stores)}: nothing to capture: the corpus has no rows")
    plan = Plan(rows, rows_per_shard, batch_size)
    writers = opened(stores, header)
    prepare(plan.sample(), writers, forward, batch_size)
    for number in range(len(plan)):
        write_shard(plan.shard(number), writers, forward, number, batch_size)
        if progress:
            progress(min(len(rows), (number + 1) * rows_per_shard), len(rows))
    return {writer.folder: writer.finish(len(plan)) for writer in writers}


def opened(stores: Mapping[str, Codec], header: ShardHeader) -> list[ShardWriter]:
    """A writer for each store. Raises `DataError` where a folder holds something else."""
    return [ShardWriter(folder, codec, header) for folder, codec in stores.items()]


def answered(rows: Sequence[Row], forward: Forward) -> list[Row]:
    """The rows as they are stored."""
    return forward.answer(rows) if isinstance(forward, Answers) else list(rows)


def logits_of(rows: Sequence[Row], forward: Forward, batch_size: int) -> Iterator[NDArray[np.float32]]:
    """The logits of each row in turn; no more than a batch is held."""
    for batch in batches(rows, batch_size):
        yield from forward(batch)


def batches(rows: Sequence[Row], batch_size: int) -> Iterator[Sequence[Row]]:
    """Rows in turn, `batch_size` at most, and fewer where these are long: padded to its longest, a batch has no
    more tokens than `batch_size` rows of `ROW_TOKENS`, unless it is one row.
    """
    begin, longest = 0, 0
    for number, row in enumerate(rows):
        longest = max(longest, len(row.input_ids))
        count = number - begin
        if count == batch_size or (count and (count + 1) * longest > batch_size * ROW_TOKENS):
            yield rows[begin:number]
            begin, longest = number, len(row.input_ids)
    if begin < len(rows):
        yield rows[begin:]


def prepare(rows: Sequence[Row], writers: Sequence[ShardWriter], forward: Forward, batch_size: int) -> None:
    """Fits the codecs to a sample of the corpus (see `Plan.sample`), unless that was done."""
    unfitted = [writer for writer in writers if writer.codec.fitted and writer.state is None]
    if not unfitted:
        return
    sample = answered(rows, forward)
    logits: Iterable[NDArray[np.float32]] = _Again(sample, forward, batch_size)
    if sum(row.num_targets for row in sample) * unfitted[0].header.vocab <= HELD_ELEMENTS:
        logits = list(logits)
    for writer in unfitted:
        writer.fit(sample, logits)


@dataclass(frozen=True)
class _Again:
    """The teacher's logits of some rows, computed anew each time they are iterated."""

    rows: Sequence[Row]
    forward: Forward
    batch_size: int

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return logits_of(self.rows, self.forward, self.batch_size)


def write_shard(
    rows: Sequence[Row], writers: Sequence[ShardWriter], forward: Forward, number: int, batch_size: int
) -> None:
    """Writes one shard (see `Plan.shard`) of the stores that do not have it."""
    missing = [writer for writer in writers if not writer.has(number)]
    if missing:
        stored = answered(rows, forward)
        write_all(missing, number, stored, logits_of(stored, forward, batch_size))
