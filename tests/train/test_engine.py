"""A batch in pieces: the same loss, gradient and update as at once."""

from __future__ import annotations

import errno
import multiprocessing
import os
from contextlib import closing

import numpy as np
import pytest
import torch
from deepspeed.utils import safe_get_full_grad

from kdray.config import merge, parse
from kdray.config.trial import Trial
from kdray.errors import ConfigError
from kdray.stream import cut
from kdray.train import TrialRun, World, free_port
from kdray.train.engine import Engine, micro_batch
from tests import labelled_world, world

FLOAT32 = {"optim.precision": "float32"}
STEPS = 3


def learnt(trial, where=World()):  # noqa: B008 - frozen
    """Losses of a few steps, the first step's gradient, and the weights after the last."""
    run = TrialRun(trial, where)
    engine, gradient = run._engine._engine, []
    update = engine._take_model_step

    def spy(*args, **kwargs):
        gradient.append([safe_get_full_grad(p).flatten().clone() for p in run.model.parameters()])
        return update(*args, **kwargs)

    engine._take_model_step = spy
    for _ in range(STEPS):
        run._train_step()
    assert (len(gradient), engine.global_steps, engine.lr_scheduler.last_epoch) == (STEPS, STEPS, STEPS)
    weights = torch.cat([parameter.detach().flatten() for parameter in run.model.parameters()])
    losses = list(run._losses)
    run.close()
    return np.array(losses), torch.cat(gradient[0]).numpy(), weights.numpy()


def assert_same(found, expected):
    for values, wanted in zip(found[:2], expected[:2], strict=True):  # losses, gradient
        assert np.linalg.norm(values - wanted) <= 1e-6 * np.linalg.norm(wanted)
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_batch_in_pieces_is_the_batch_at_once(stage, small_world):
    base = {**FLOAT32, "optim.context_weight": 0.3, "deepspeed.zero_optimization": {"stage": stage}}
    trial = merge(world.sweep(small_world).trial, base)
    whole = learnt(merge(trial, {"optim.micro_batch": 8}))
    for size in (4, 1):
        assert_same(learnt(merge(trial, {"optim.micro_batch": size})), whole)


@pytest.mark.parametrize("loss", ["bucketed", "spread", "reverse", "jsd", "tvd", "cosine"])
def test_every_loss_of_pieces_is_that_of_the_whole(loss, small_world):
    trial = merge(
        world.sweep(small_world).trial,
        {**FLOAT32, "distil.loss": loss, "distil.alpha": 0.7, "distil.temperature": 2.0},
    )
    whole = learnt(merge(trial, {"optim.micro_batch": 8}))
    assert_same(learnt(merge(trial, {"optim.micro_batch": 2})), whole)


@pytest.mark.parametrize("made", ["small_world", "t5"])
def test_what_is_computed_twice_for_less_memory_learns_the_same(made, seq2seq_world, small_world):
    trial = (world.seq2seq(seq2seq_world) if made == "t5" else world.sweep(small_world)).trial
    trial = merge(trial, FLOAT32)
    layers = []
    again = merge(trial, {"optim.gradient_checkpointing": True})
    with closing(TrialRun(again)) as run:
        layers = [m for m in run.model.modules() if getattr(m, "gradient_checkpointing", False)]
    assert layers
    assert_same(learnt(again), learnt(trial))


def test_eight_bits_of_adam_learn_nearly_the_same_and_go_on_where_they_were(small_world, tmp_path):
    pytest.importorskip("bitsandbytes")
    trial = merge(world.sweep(small_world).trial, {**FLOAT32, "optim.optimizer": "adamw_8bit"})
    small, whole = learnt(trial), learnt(merge(trial, {"optim.optimizer": "adamw"}))
    np.testing.assert_allclose(small[0], whole[0], rtol=0.02)
    np.testing.assert_allclose(small[1], whole[1], rtol=1e-4, atol=1e-7)  # the gradient is the same one
    with closing(TrialRun(trial)) as run:
        run._train_step()
        states = run._engine._engine.optimizer.state.values()
        assert torch.uint8 in {value["state1"].dtype for value in states}
        run.save(tmp_path)
        run._train_step()
        losses = list(run._losses)
    with closing(TrialRun(trial)) as run:
        run.load(tmp_path)
        run._train_step()
        assert run._losses[-1] == losses[-1]


def test_a_classifier_learns_the_same_in_pieces(clone_world):
    trial = merge(labelled_world.sweep(clone_world, "clone").trial, FLOAT32)
    size = trial.optim.batch_size
    whole = learnt(merge(trial, {"optim.micro_batch": size}))
    assert_same(learnt(merge(trial, {"optim.micro_batch": size // 4})), whole)


def test_an_encoder_decoder_learns_the_same_in_pieces(seq2seq_world):
    trial = merge(world.seq2seq(seq2seq_world).trial, FLOAT32)
    whole = learnt(merge(trial, {"optim.micro_batch": 8}))
    assert_same(learnt(merge(trial, {"optim.micro_batch": 2})), whole)


def _as_rank(rank, port, trials, answers):
    torch.set_num_threads(1)
    where = World(rank, 2, port=port)
    found = [learnt(parse(Trial, trial, "test"), where) for trial in trials]
    answers.put((rank, found))


def test_two_workers_learn_the_same_in_pieces(small_world):
    trial = merge(world.sweep(small_world).trial, {**FLOAT32, "optim.context_weight": 0.3})
    trials = [merge(trial, {"optim.micro_batch": size}).model_dump(mode="json") for size in (4, 1)]
    spawn = multiprocessing.get_context("spawn")
    answers, port = spawn.Queue(), free_port("127.0.0.1")
    ranks = [spawn.Process(target=_as_rank, args=(rank, port, trials, answers)) for rank in range(2)]
    for rank in ranks:
        rank.start()
    by_rank = dict(answers.get(timeout=300) for _ in ranks)
    for rank in ranks:
        rank.join()
    for found in by_rank.values():
        whole, *pieces = found
        for other in pieces:
            assert_same(other, whole)
    np.testing.assert_array_equal(by_rank[0][0][2], by_rank[1][0][2])


def test_the_only_batch_of_a_small_corpus_may_have_fewer_pieces(small_world):
    trial = merge(world.sweep(small_world).trial, FLOAT32)
    wide = merge(trial, {"optim.batch_size": 2 * world.sweep(small_world).capture.rows})
    whole = learnt(merge(wide, {"optim.micro_batch": wide.optim.batch_size}))
    assert_same(learnt(merge(wide, {"optim.micro_batch": wide.optim.batch_size // 4})), whole)


def test_how_much_is_held_at_a_time_is_said_or_follows_from_the_tokens_of_a_row(small_world):
    trial = merge(world.sweep(small_world).trial, {"optim.batch_size": 24})
    assert trial.longest_row == 256
    assert micro_batch(trial, 1, "cpu") == 8
    assert micro_batch(trial, 2, "cpu") == 6
    assert micro_batch(trial, 2, "cuda") == 12
    assert micro_batch(merge(trial, {"encoding.max_row": 5000}), 1, "cpu") == 1
    assert micro_batch(merge(trial, {"optim.micro_batch": 3}), 2, "cpu") == 3


@pytest.mark.parametrize(
    ("overrides", "workers", "said"),
    [
        ({"optim.micro_batch": 3}, 1, "optim.micro_batch 3 does not divide a worker's 8 sequences: try 2"),
        ({"optim.micro_batch": 8}, 2, "optim.micro_batch 8 does not divide a worker's 4 sequences: try 4"),
        ({}, 3, "optim.batch_size 8 is not shared evenly by 3 workers: try 9"),
        (
            {"deepspeed.gradient_accumulation_steps": 2},
            1,
            "deepspeed.gradient_accumulation_steps is set by kdray",
        ),
    ],
)
def test_what_does_not_come_out_even_is_refused_by_name(overrides, workers, said, small_world):
    data = world.sweep_data(small_world)
    data["resources"]["workers"] = workers
    with pytest.raises(ConfigError, match=said):
        sweep = world.sweep_from(data, "test")
        merge(sweep.trial, overrides)
        micro_batch(merge(sweep.trial, overrides), workers, "cpu")


def test_pieces_are_even_and_as_many_on_every_rank():
    for rows in range(2, 20):
        for size in (1, 2, 5):
            pieces = [cut(np.arange(rows), rank, 2, size) for rank in range(2)]
            assert len(pieces[0]) == len(pieces[1]) <= -(-rows // (2 * size))
            assert sorted(np.concatenate([p for mine in pieces for p in mine]).tolist()) == list(range(rows))
            assert min(len(piece) for mine in pieces for piece in mine) >= 1


def test_a_disk_without_room_for_the_folder_of_a_checkpoint_is_named_as_such(tmp_path, monkeypatch):
    def full(path, *args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    engine = Engine.__new__(Engine)  # DeepSpeed's would say that a folder is missing
    monkeypatch.setattr(os, "mkdir", full)
    with pytest.raises(OSError, match="No space left on device"):
        engine.save(tmp_path / "checkpoint", {})
