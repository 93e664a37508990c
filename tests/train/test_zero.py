"""ZeRO in one process and in two: the same student comes out, however gradients and moments are shared out."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kdray.config import Trial, merge, parse
from kdray.train import TrialRun, World, free_port
from tests import world

STEPS = 3
OFFLOAD = {"offload_optimizer": {"device": "cpu"}}
SETTINGS: list[dict[str, Any]] = [
    {"stage": 0}, {"stage": 1}, {"stage": 2}, {"stage": 1, **OFFLOAD}, {"stage": 2, **OFFLOAD}
]  # fmt: skip


def exported(trials: list[dict[str, Any]], where: World, folder: Path) -> None:
    """A student of each trial after a few steps."""
    for number, data in enumerate(trials):
        run = TrialRun(parse(Trial, data, "test"), where)
        for _ in range(STEPS):
            run._train_step()
        if where.rank == 0:
            run.export(folder / str(number))
        run.close()


def _as_rank(rank: int, port: int, trials: list[dict[str, Any]], folder: Path) -> None:
    torch.set_num_threads(1)
    exported(trials, World(rank, 2, port=port), folder)


@pytest.mark.parametrize("size", [1, 2])
def test_every_stage_with_and_without_offloading_exports_the_same_student(size, small_world, tmp_path):
    trial = merge(world.sweep(small_world).trial, {"optim.precision": "float32"})
    trials = [
        merge(trial, {"deepspeed.zero_optimization": zero}).model_dump(mode="json") for zero in SETTINGS
    ]
    if size == 1:
        exported(trials, World(), tmp_path)
    else:
        spawn, port = multiprocessing.get_context("spawn"), free_port("127.0.0.1")
        ranks = [spawn.Process(target=_as_rank, args=(rank, port, trials, tmp_path)) for rank in range(2)]
        for rank in ranks:
            rank.start()
        for rank in ranks:
            rank.join(200)
        assert [rank.exitcode for rank in ranks] == [0, 0]
    plain, *others = (load_file(tmp_path / str(n) / "model.safetensors") for n in range(len(SETTINGS)))
    for zero, other in zip(SETTINGS[1:], others, strict=True):
        assert other.keys() == plain.keys()
        for name, weights in plain.items():
            torch.testing.assert_close(
                other[name].float(), weights.float(), rtol=2**-7, atol=1e-5, msg=f"{zero} {name}"
            )
