"""Rows -> batches. The order is a pure function of (seed, samples seen), whatever the number of workers.

An epoch is a permutation of the rows; inside windows of `WINDOW` global batches rows are sorted by length, so
that a batch pads little, and the batches of a window are shuffled. Global batch b of an epoch is the same on
1, 2 or 4 ranks: each rank takes every `world`-th row of it. Resuming in the middle of an epoch recomputes the
order, nothing is replayed. Not here: where rows come from (`kdray.teacher.shards`), and what is done with a batch
(`kdray.train`).

Shape suffixes: B sequences, T tokens, N positions that are predicted (targets of all rows first, then
context tokens).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from kdray.tasks.row import IGNORED, Row
from kdray.teacher.signal import TeacherSignal

Item = TypeVar("Item")
WINDOW = 16


class RowSource(Protocol):
    """Rows by number, with the teacher's signal on their targets where there is one."""

    def lengths(self) -> NDArray[np.int32]:
        """`input_ids` length of every row, for batching by length."""

    def take(self, numbers: Sequence[int]) -> tuple[list[Row], TeacherSignal | None]:
        """The rows, and the signal on their targets: rows in the given order, targets in the order of each
        row.
        """


@dataclass(frozen=True)
class Batch:
    """Padded sequences and what is predicted where.

    Attributes:
        input_ids_BT: int64, padded on the right.
        mask_BT: int64, 1 where there is a token.
        decoder_ids_BL: int64 decoder input (encoder-decoder only), else None.
        positions_N: int64 index into the flattened hidden states [B * T] (or [B * L]) that predict label n.
        labels_N: int64 tokens to predict.
        weights_N: float32, 1 for a target, `context_weight` for a context token.
        num_targets: the first `num_targets` of the N are targets; the signal has exactly these.
        signal: the teacher's word on the targets, or None.
        whole_weight: of a piece of a batch, the sum of weights of the whole batch; None of a whole one.
        whole_targets: the same for the number of targets.
    """

    input_ids_BT: NDArray[np.int64]
    mask_BT: NDArray[np.int64]
    decoder_ids_BL: NDArray[np.int64] | None
    positions_N: NDArray[np.int64]
    labels_N: NDArray[np.int64]
    weights_N: NDArray[np.float32]
    num_targets: int
    signal: TeacherSignal | None
    whole_weight: float | None = None
    whole_targets: int | None = None


class PlainSource:
    """Rows without a signal: those of a list, or ones that are kept on disk (`kdray.tasks.kept_rows`)."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def lengths(self) -> NDArray[np.int32]:
        """See `RowSource`."""
        return np.array([len(row.input_ids) for row in self._rows], np.int32)

    def take(self, numbers: Sequence[int]) -> tuple[list[Row], TeacherSignal | None]:
        """See `RowSource`."""
        return [self._rows[number] for number in numbers], None


@lru_cache(maxsize=2)
def _epoch_order(lengths: bytes, batch_size: int, seed: int, epoch: int) -> NDArray[np.int64]:
    lengths_R = np.frombuffer(lengths, np.int32)
    rng = np.random.default_rng([seed, epoch])
    order_R = rng.permutation(len(lengths_R))
    # Epochs are whole batches: what is left over is another rest in each epoch.
    order_R = order_R[: max(1, len(order_R) // batch_size) * batch_size]
    window = WINDOW * batch_size
    ordered = []
    for start in range(0, len(order_R), window):
        part = order_R[start : start + window]
        part = part[np.argsort(lengths_R[part], kind="stable")]
        batches = [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
        ordered += [batches[i] for i in rng.permutation(len(batches))]
    return np.concatenate(ordered)


def batch_rows(lengths_R: NDArray[np.int32], batch_size: int, seed: int, step: int) -> NDArray[np.int64]:
    """The row numbers of global batch `step` (0-based) of a stream.

    Args:
        lengths_R: the length of each row.
        batch_size: rows per step over all ranks; fewer rows than that make one smaller batch an epoch.
        seed: of the stream.
        step: steps taken before.

    Returns:
        int64 [batch_size] row numbers, no row twice within an epoch.
    """
    per_epoch = max(1, len(lengths_R) // batch_size)
    order = _epoch_order(lengths_R.tobytes(), batch_size, seed, step // per_epoch)
    at = (step % per_epoch) * batch_size
    return order[at : at + batch_size]


def shard_of(rows: NDArray[np.int64], rank: int, world: int) -> NDArray[np.int64]:
    """The rows of a global batch that one rank trains: every `world`-th."""
    return rows[rank::world]


def cut(rows: NDArray[np.int64], rank: int, world: int, size: int) -> list[NDArray[np.int64]]:
    """A rank's rows of a global batch in even pieces of about `size`, as many on every rank. Rows of a batch come
    by length, so a piece pads no more than the whole.
    """
    count = min(-(-len(rows) // (size * world)), len(rows) // world)  # a batch cut short has fewer rows
    return np.array_split(shard_of(rows, rank, world), max(1, count))


def as_pieces(batches: Sequence[Batch]) -> list[Batch]:
    """The same, each knowing what all have together, so that their losses add up to that of one batch."""
    if len(batches) == 1:
        return list(batches)
    weight = float(sum(batch.weights_N.sum(dtype=np.float64) for batch in batches))
    targets = sum(batch.num_targets for batch in batches)
    return [replace(batch, whole_weight=weight, whole_targets=targets) for batch in batches]


def collate(
    rows: Sequence[Row],
    signal: TeacherSignal | None,
    *,
    pad_id: int,
    encoder_decoder: bool,
    context_weight: float = 0.0,
    start_id: int | None = None,
) -> Batch:
    """Pads rows into a `Batch`.

    Args:
        rows: B rows.
        signal: on the targets of these rows in order, or None.
        pad_id: the padding token.
        encoder_decoder: whether `labels` belong to a decoder of their own.
        context_weight: weight of the context tokens (decoder-only).
        start_id: the decoder's start token; None: the padding token (T5's convention).
    """
    input_ids_BT, mask_BT = pad([row.input_ids for row in rows], pad_id)
    labels_BL, _ = pad([row.labels for row in rows], IGNORED)
    if encoder_decoder:
        decoder_ids_BL = np.full_like(labels_BL, pad_id if start_id is None else start_id)
        decoder_ids_BL[:, 1:] = np.where(labels_BL == IGNORED, pad_id, labels_BL)[:, :-1]
        positions_N = np.flatnonzero(labels_BL.ravel() != IGNORED)
        labels_N = labels_BL.ravel()[positions_N]
        weights_N = np.ones(len(labels_N), np.float32)
        return Batch(
            input_ids_BT, mask_BT, decoder_ids_BL, positions_N, labels_N, weights_N, len(labels_N), signal
        )
    # Token t + 1 is predicted from the hidden state of token t.
    flat = labels_BL[:, 1:] != IGNORED
    width = input_ids_BT.shape[1]
    targets_b, targets_t = np.nonzero(flat)
    positions_N, labels_N = targets_b * width + targets_t, labels_BL[:, 1:][flat]
    num_targets = len(labels_N)
    weights_N = np.ones(num_targets, np.float32)
    if context_weight > 0:
        context = (mask_BT[:, 1:] == 1) & ~flat
        context_b, context_t = np.nonzero(context)
        positions_N = np.concatenate([positions_N, context_b * width + context_t])
        labels_N = np.concatenate([labels_N, input_ids_BT[:, 1:][context]])
        weights_N = np.concatenate([weights_N, np.full(int(context.sum()), context_weight, np.float32)])
    return Batch(input_ids_BT, mask_BT, None, positions_N, labels_N, weights_N, num_targets, signal)


def pad(sequences: Sequence[NDArray[np.int32]], value: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sequences as int64 [B, T] padded on the right with `value`, and the mask of what is real."""
    width = max(len(sequence) for sequence in sequences)
    padded_BT = np.full((len(sequences), width), value, np.int64)
    mask_BT = np.zeros((len(sequences), width), np.int64)
    for b, sequence in enumerate(sequences):
        padded_BT[b, : len(sequence)] = sequence
        mask_BT[b, : len(sequence)] = 1
    return padded_BT, mask_BT


class Ahead(Generic[Item]):
    """Makes the items of the coming steps in a thread while the current one is used.

    `make` must be a pure function of the step (as batches are), so it does not matter when it is called, or
    whether twice: going on at another step after a resume needs nothing.
    """

    def __init__(self, make: Callable[[int], Item], *, depth: int = 2, end: int | None = None) -> None:
        """`depth` items are held ahead, none from step `end` on."""
        self._make, self._depth, self._end = make, depth, end
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._coming: dict[int, Future[Item]] = {}

    def get(self, step: int) -> Item:
        """The item of a step; raises what `make` raised."""
        last = step + self._depth if self._end is None else min(step + self._depth, self._end - 1)
        wanted = [step, *range(step + 1, last + 1)]
        for other in [other for other in self._coming if other not in wanted]:
            self._coming.pop(other).cancel()
        for coming in wanted:
            if coming not in self._coming:
                self._coming[coming] = self._pool.submit(self._make, coming)
        return self._coming.pop(step).result()

    def close(self) -> None:
        """Forgets what is coming and ends the thread."""
        self._coming.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)
