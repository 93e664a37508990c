"""The order of rows is a function of seed and step alone; batches hold what rows say; work runs ahead."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdray.stream import Ahead, PlainSource, batch_rows, collate, shard_of
from kdray.tasks.row import IGNORED, Row


def _lengths(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(5, 200, rows).astype(np.int32)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 300), batch_size=st.integers(1, 40), seed=st.integers(0, 99), epoch=st.integers(0, 3)
)
def test_an_epoch_takes_no_row_twice_and_leaves_out_less_than_a_batch(
    rows: int, batch_size: int, seed: int, epoch: int
) -> None:
    lengths_R = _lengths(rows)
    per_epoch = max(1, rows // batch_size)
    steps = range(epoch * per_epoch, (epoch + 1) * per_epoch)
    taken = np.concatenate([batch_rows(lengths_R, batch_size, seed, step) for step in steps])
    assert len(set(taken.tolist())) == len(taken) == min(rows, per_epoch * batch_size)
    assert set(taken.tolist()) <= set(range(rows))


@settings(max_examples=30, deadline=None)
@given(world=st.sampled_from([1, 2, 4]), step=st.integers(0, 50), seed=st.integers(0, 9))
def test_the_global_batch_is_the_same_on_any_number_of_ranks(world: int, step: int, seed: int) -> None:
    whole = batch_rows(_lengths(130), 16, seed, step)
    parts = [shard_of(whole, rank, world) for rank in range(world)]
    assert sorted(np.concatenate(parts).tolist()) == sorted(whole.tolist())
    interleaved = [parts[i % world][i // world] for i in range(len(whole))]
    assert interleaved == whole.tolist()


def test_a_step_in_the_middle_of_an_epoch_needs_no_replay() -> None:
    lengths_R = _lengths(500)
    walked = [batch_rows(lengths_R, 32, 3, step).tolist() for step in range(40)]
    assert batch_rows(lengths_R, 32, 3, 37).tolist() == walked[37]


def test_epochs_and_seeds_differ() -> None:
    lengths_R = _lengths(64)
    first = batch_rows(lengths_R, 64, 0, 0).tolist()
    assert first != batch_rows(lengths_R, 64, 0, 1).tolist()
    assert first != batch_rows(lengths_R, 64, 1, 0).tolist()


def test_batches_are_of_similar_lengths() -> None:
    lengths_R = _lengths(2000)
    spans = [np.ptp(lengths_R[batch_rows(lengths_R, 20, 0, step)]) for step in range(100)]
    assert np.mean(spans) < 40  # of 195 over all rows


def _rows() -> list[Row]:
    whole = np.arange(10, 16, dtype=np.int32)
    some = np.where(np.arange(6) >= 4, whole, IGNORED).astype(np.int32)
    short = np.arange(20, 23, dtype=np.int32)
    return [Row("a", whole, some), Row("b", short, np.array([IGNORED, 21, 22], np.int32))]


def test_a_decoder_only_batch_predicts_each_target_from_the_token_before_it() -> None:
    batch = collate(_rows(), None, pad_id=0, encoder_decoder=False)
    assert batch.input_ids_BT.shape == (2, 6)
    assert batch.mask_BT.sum(1).tolist() == [6, 3]
    assert batch.labels_N.tolist() == [14, 15, 21, 22]
    assert batch.positions_N.tolist() == [3, 4, 6, 7]
    assert batch.num_targets == 4 and batch.decoder_ids_BL is None
    before = batch.input_ids_BT.ravel()[batch.positions_N]
    assert before.tolist() == [13, 14, 20, 21]


def test_context_comes_after_the_targets_with_its_own_weight() -> None:
    batch = collate(_rows(), None, pad_id=0, encoder_decoder=False, context_weight=0.25)
    assert batch.num_targets == 4
    assert batch.labels_N[4:].tolist() == [11, 12, 13]
    assert batch.weights_N.tolist() == [1, 1, 1, 1, 0.25, 0.25, 0.25]


def test_an_encoder_decoder_batch_shifts_the_labels_into_the_decoder() -> None:
    rows = [Row("a", np.arange(5, dtype=np.int32) + 1, np.array([7, 8, 9], np.int32)),
            Row("b", np.array([4], np.int32), np.array([6], np.int32))]  # fmt: skip
    batch = collate(rows, None, pad_id=0, encoder_decoder=True)
    assert batch.decoder_ids_BL is not None
    assert batch.decoder_ids_BL.tolist() == [[0, 7, 8], [0, 6, 0]]
    assert batch.labels_N.tolist() == [7, 8, 9, 6]
    assert batch.positions_N.tolist() == [0, 1, 2, 3]


def test_rows_in_memory_come_without_a_signal() -> None:
    source = PlainSource(_rows())
    rows, signal = source.take([1, 0])
    assert [row.id for row in rows] == ["b", "a"] and signal is None
    assert source.lengths().tolist() == [6, 3]


def test_what_comes_next_is_made_while_the_present_is_used() -> None:
    made: list[int] = []
    third = threading.Event()

    def make(step: int) -> int:
        made.append(step)
        if step == 2:
            third.set()
        return step * 10

    ahead = Ahead(make, depth=2, end=5)
    assert ahead.get(0) == 0
    assert third.wait(timeout=30)
    assert [ahead.get(step) for step in (1, 2, 3, 4)] == [10, 20, 30, 40]
    assert made == [0, 1, 2, 3, 4]
    ahead.close()


def test_going_on_elsewhere_needs_nothing() -> None:
    ahead = Ahead(lambda step: step, depth=3)
    assert [ahead.get(step) for step in (0, 7, 8, 2)] == [0, 7, 8, 2]
    ahead.close()


def test_an_error_is_raised_where_its_item_is_asked_for() -> None:
    def make(step: int) -> int:
        if step == 1:
            raise ValueError("step 1")
        return step

    ahead = Ahead(make)
    assert ahead.get(0) == 0
    with pytest.raises(ValueError, match="step 1"):
        ahead.get(1)
    assert ahead.get(2) == 2
    ahead.close()


def test_a_decoder_begins_with_its_own_start_token() -> None:
    rows = [Row("a", np.array([5, 6], np.int32), np.array([7, 8], np.int32))]
    assert collate(rows, None, pad_id=0, encoder_decoder=True).decoder_ids_BL.tolist() == [[0, 7]]
    assert collate(rows, None, pad_id=0, encoder_decoder=True, start_id=3).decoder_ids_BL.tolist() == [[3, 7]]
