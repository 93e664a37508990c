"""Measured time and memory of one answer."""

from __future__ import annotations

import torch

from kdray.config import as_data, sweep_from
from kdray.evaluation.speed import peak_bytes
from kdray.train import train
from tests import labelled_world, world


class Wide(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = torch.nn.Linear(100, 1000, bias=False), torch.nn.Linear(1000, 10, bias=False)

    def forward(self, x):
        return self.two(self.one(x))


def test_memory_is_the_weights_and_what_lives_at_a_time():
    model, x = Wide(), torch.ones(50, 100)
    weights, wide, narrow = 4 * (100 * 1000 + 1000 * 10), 4 * 50 * 1000, 4 * 50 * 10
    with torch.inference_mode():
        assert peak_bytes(model, lambda: model(x)) == weights + wide + narrow
        freed = peak_bytes(model, lambda: [len(model(x)) for _ in range(3)])
        assert freed == weights + wide + narrow
        kept: list[torch.Tensor] = []
        assert peak_bytes(model, lambda: kept.extend(model.one(x) for _ in range(3))) == weights + 3 * wide


def test_a_trial_reports_them_where_its_file_asks(small_world, clone_world):
    for sweep in (world.sweep(small_world), labelled_world.sweep(clone_world, "clone")):
        data = as_data(sweep)
        data["trial"]["evaluation"]["speed"] = True
        data["objectives"] |= {"latency_ms": "min", "peak_memory_mb": "min"}
        trial = sweep_from(data, "test").trial
        metrics = train(trial)
        assert metrics["latency_ms"] > 0
        assert metrics["peak_memory_mb"] > metrics["student_bytes"] / 1e6
        assert metrics["student_flops"] > 0
        assert "latency_ms" not in train(sweep.trial)
