"""What distillation costs: a training step with a truncated teacher beside the same step without a teacher.

`python tests/benchmarks/loss.py [--quick]`; `--quick` takes 3 steps of each instead of 15 and smaller batches.
The student is a two-layer Llama of width 128 on one core in bfloat16 autocast; every position is a target. A
step is forward, loss, backward and AdamW at T = 2. Compared at V = 4,096 and 32,100, in turn in one process:
cross-entropy as transformers computes it; a dense KL against whole float16 logits beside it; `kdray.losses` with
8 kept tokens (the ratios at the top level are of the default loss, `decoupled`). Peak memory is how far the
resident set of a process of its own rises above the model, its optimizer and one step's inputs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from kdray.config import Distil
from kdray.losses import loss, to_tensors
from kdray.students.forward import head, hidden_states
from kdray.teacher.signal import TailSpread, TeacherSignal

logging.set_verbosity_error()
KEPT, GRID, WIDTH = 8, (0.125, 0.25, 0.5, 2.0), 128
SHAPES = {4096: (16, 128), 32100: (8, 128)}
QUICK = {4096: (4, 128), 32100: (2, 128)}
ALPHA, TEMPERATURE, DIRECTIONS = 0.5, 2.0, 32
LOSSES = ("decoupled", "bucketed", "spread")
VARIANTS = ("cross_entropy", "dense", *LOSSES)


class Student:
    """A student, its optimizer and one batch with a teacher on every position."""

    def __init__(self, vocab: int, shape: tuple[int, int], variant: str) -> None:
        torch.manual_seed(0)
        torch.set_num_threads(1)
        self.variant = variant
        config = LlamaConfig(
            vocab_size=vocab, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=4, intermediate_size=384,
            tie_word_embeddings=True, max_position_embeddings=256,
        )  # fmt: skip
        self.model = LlamaForCausalLM(config)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        for (
            parameter
        ) in self.model.parameters():  # the optimizer's state is there before anything is measured
            parameter.grad = torch.zeros_like(parameter)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.ids_BT = torch.randint(0, vocab, shape)
        positions = shape[0] * shape[1]
        if variant == "dense":
            self.teacher_NV = torch.randn(positions, vocab, dtype=torch.float16)
        self.signal = _signal(positions, vocab)
        own = {"cross_entropy": self.cross_entropy, "dense": self.dense}
        self.step = own.get(variant, self.kdray)

    def cross_entropy(self) -> torch.Tensor:
        """transformers' own loss."""
        return self.model(input_ids=self.ids_BT, labels=self.ids_BT, use_cache=False).loss

    def dense(self) -> torch.Tensor:
        """Cross-entropy and a KL against every logit."""
        output = self.model(input_ids=self.ids_BT, labels=self.ids_BT, use_cache=False)
        logq = torch.log_softmax(output.logits.flatten(0, 1).float() / TEMPERATURE, -1)
        logp = torch.log_softmax(self.teacher_NV.float() / TEMPERATURE, -1)
        divergence = torch.nn.functional.kl_div(logq, logp, log_target=True, reduction="batchmean")
        return (1 - ALPHA) * output.loss + ALPHA * TEMPERATURE**2 * divergence

    def kdray(self) -> torch.Tensor:
        """Projection and both losses in chunks."""
        hidden_ND = hidden_states(self.model, self.ids_BT, torch.ones_like(self.ids_BT), None).flatten(0, 1)
        labels_N = self.ids_BT.flatten()
        told = to_tensors(self.signal, TEMPERATURE)
        distil = Distil(loss=self.variant, alpha=ALPHA, temperature=TEMPERATURE)
        weight_VD, scale = head(self.model)
        weights_N = torch.ones(len(labels_N))
        return loss(hidden_ND, weight_VD, scale, labels_N, weights_N, len(labels_N), told, distil).loss

    def run(self, loss_of: Callable[[], torch.Tensor]) -> float:
        """Seconds of one step."""
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            value = loss_of()
        value.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return time.perf_counter() - started


def _signal(positions: int, vocab: int) -> TeacherSignal:
    rng = np.random.default_rng(0)
    return TeacherSignal(
        ids_NK=np.argsort(rng.random((positions, min(vocab, 64))), axis=1)[:, :KEPT],
        logprobs_NK=np.log(rng.dirichlet(np.ones(KEPT), positions) * 0.8 + 1e-9).astype(np.float32),
        tail_N=np.full(positions, np.log(0.2), np.float32),
        tail_lse_NG=np.zeros((positions, len(GRID)), np.float32),
        grid=GRID,
        vocab=vocab,
        spread=TailSpread(
            rng.standard_normal((positions, DIRECTIONS)).astype(np.float32),
            rng.standard_normal((DIRECTIONS, vocab)).astype(np.float16),
        ),
    )


def seconds(vocab: int, shape: tuple[int, int], repeats: int) -> dict[str, float]:
    """Median step of each variant, run in turn."""
    students = {variant: Student(vocab, shape, variant) for variant in VARIANTS}
    times: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for repeat in range(repeats + 1):
        for variant, student in students.items():
            taken = student.run(student.step)
            if repeat:
                times[variant].append(taken)
    return {variant: statistics.median(values) for variant, values in times.items()}


def peak_bytes(vocab: int, shape: tuple[int, int], variant: str) -> int:
    """Of one step, in a process of its own."""
    command = [sys.executable, __file__, "--peak", variant, str(vocab), *map(str, shape)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(variant: str, vocab: int, shape: tuple[int, int]) -> None:
    student = Student(vocab, shape, variant)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of what came before
    before = _resident("VmRSS")
    student.run(student.step)
    print(_resident("VmHWM") - before)


def _resident(key: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peak", nargs=4)
    arguments = parser.parse_args()
    if arguments.peak:
        variant, vocab, batch, length = arguments.peak
        print_peak(variant, int(vocab), (int(batch), int(length)))
        return
    result: dict[str, Any] = {}
    print(f"{'V':>7} {'variant':<14} {'ms':>9} {'to CE':>7} {'peak MB':>9} {'to CE':>7}")
    for vocab, shape in (QUICK if arguments.quick else SHAPES).items():
        time_s = seconds(vocab, shape, 3 if arguments.quick else 15)
        peak = {variant: peak_bytes(vocab, shape, variant) for variant in VARIANTS}
        to_ce = {v: (time_s[v] / time_s["cross_entropy"], peak[v] / peak["cross_entropy"]) for v in VARIANTS}
        for v in VARIANTS:
            slower, larger = to_ce[v]
            print(
                f"{vocab:>7} {v:<14} {time_s[v] * 1e3:9.1f} {slower:7.2f} {peak[v] / 1e6:9.1f} {larger:7.2f}"
            )
        ratios = {
            v: {
                "time_ratio_to_ce": round(to_ce[v][0], 4),
                "memory_ratio_to_ce": round(to_ce[v][1], 4),
                "time_ratio_to_dense": round(time_s[v] / time_s["dense"], 4),
                "memory_ratio_to_dense": round(peak[v] / peak["dense"], 4),
            }
            for v in LOSSES
        }
        rest = {v: ratios[v] for v in LOSSES[1:]}
        result[str(vocab)] = {**ratios[LOSSES[0]], "shape": [*shape, vocab, KEPT], **rest}
    print(json.dumps({**result, "quick": arguments.quick}))


if __name__ == "__main__":
    main()
