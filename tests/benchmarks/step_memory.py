"""What a training step holds, by setting, beside what is told before: a student of 60 M parameters.

    python tests/benchmarks/step_memory.py [--quick]

A CodeT5-small-shaped student (6 + 6 layers of 512, a vocabulary of 32,100; 60.5 M) learns random rows of 192 and
64 tokens and a random teacher's signal on them, 16 rows a step, each setting in a process of its own, one thread:
peak of the process, processor seconds a step (the mean of two, after one), and the word of
`kdray.train.step_memory`, which `kdray validate` passes on. `--quick` takes two settings.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

SETTINGS: dict[str, dict[str, Any]] = {
    "16 rows at once": {"optim.micro_batch": 16},
    "in pieces of 8": {"optim.micro_batch": 8},
    "in pieces of 2": {"optim.micro_batch": 2},
    "16 at once, checkpointed": {"optim.micro_batch": 16, "optim.gradient_checkpointing": True},
    "pieces of 8, float32": {"optim.micro_batch": 8, "optim.precision": "float32"},
    "pieces of 8, ZeRO 1": {"optim.micro_batch": 8, "deepspeed.zero_optimization": {"stage": 1}},
    "pieces of 8, ZeRO 2": {"optim.micro_batch": 8, "deepspeed.zero_optimization": {"stage": 2}},
    "pieces of 2, Adam in 8 bits": {"optim.micro_batch": 2, "optim.optimizer": "adamw_8bit"},
    "pieces of 1, 8 bits, checkpointed": {
        "optim.micro_batch": 1,
        "optim.gradient_checkpointing": True,
        "optim.optimizer": "adamw_8bit",
    },
}
ROWS, INPUT, TARGET, VOCAB, KEPT, STEPS = 16, 192, 64, 32_100, 6, 3


def trial_of(overrides: dict[str, Any]) -> Any:
    """The trial, which reads no files here."""
    from kdray.config import Trial, merge, parse

    student = {
        "family": "t5", "encoder_layers": 6, "decoder_layers": 6, "hidden": 512, "heads": 8, "head_dim": 64,
        "feed_forward": 2048, "init": "random",
    }  # fmt: skip
    data = {"shards": "none", "suite": "none", "student": student, "budget": {"steps": STEPS}}
    base = parse(Trial, {**data, "optim": {"batch_size": ROWS}}, "step_memory")
    return merge(base, overrides)


def pieces(size: int) -> list[Any]:
    """A batch of the longest rows, in pieces, with the signal of each."""
    import numpy as np

    from kdray.losses import to_tensors
    from kdray.stream import as_pieces, collate
    from kdray.tasks.row import Row
    from kdray.teacher.signal import TeacherSignal

    rng, batches, told = np.random.default_rng(0), [], []
    for first in range(0, ROWS, size):
        ids, labels = (rng.integers(2, VOCAB, (size, length)).astype(np.int32) for length in (INPUT, TARGET))
        rows = [Row(str(first + n), ids[n], labels[n]) for n in range(size)]
        count = size * TARGET
        logprobs_NK = np.log(rng.dirichlet(np.ones(KEPT + 1), count)[:, :KEPT]).astype(np.float32)
        tail_N = np.log(1 - np.exp(logprobs_NK).sum(1)).astype(np.float32)
        ids_NK = np.argsort(rng.random((count, 64)), 1)[:, :KEPT].astype(np.int64)
        grid = (0.125, 0.25, 0.5, 2.0)
        tail_NG = np.repeat(tail_N[:, None], len(grid), 1)
        signal = TeacherSignal(ids_NK, logprobs_NK, tail_N, tail_NG, grid, VOCAB)
        batches.append(collate(rows, signal, pad_id=0, encoder_decoder=True, start_id=0))
        told.append(to_tensors(signal, 1.0))
    return list(zip(as_pieces(batches), told, [None] * len(told), strict=True))


def measured(name: str) -> dict[str, float]:
    """Some steps in this process."""
    from kdray.process_memory import bound_caches

    bound_caches()
    import torch

    from kdray.train.engine import Engine, World, _import_deepspeed
    from kdray.train.learner import Learner
    from kdray.train.step_memory import step_bytes, student_builder

    torch.set_num_threads(1)
    _import_deepspeed()
    trial = trial_of(SETTINGS[name])
    size = trial.optim.micro_batch

    made = student_builder(trial, VOCAB, None)
    told = step_bytes(made, trial, size)
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    model = made().train()
    engine = Engine(Learner(model, trial.student, trial.distil, trial.optim.precision), trial, World())
    batch = pieces(size)
    engine.step(batch)
    begin = time.process_time()
    for _ in range(STEPS - 1):
        engine.step(batch)
    seconds = (time.process_time() - begin) / (STEPS - 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"before_mb": before / 1e6, "peak_mb": peak / 1e6, "told_mb": told / 1e6, "cpu_s": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(measured(options.part)))
        return
    found = {}
    print("setting                        before    peak    told  told/peak  cpu s a step")
    for name in list(SETTINGS)[: 2 if options.quick else None]:
        command = [sys.executable, "-W", "ignore", __file__, "--part", name]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{name:<30} {done.stderr.strip().splitlines()[-1]}")
            continue
        part = found[name] = json.loads(done.stdout.splitlines()[-1])
        ratio = part["told_mb"] / part["peak_mb"]
        print(
            f"{name:<30} {part['before_mb']:6.0f}  {part['peak_mb']:6.0f}  {part['told_mb']:6.0f}  {ratio:9.2f}"
            f"  {part['cpu_s']:12.2f}",
            flush=True,
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
