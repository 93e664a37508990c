"""What a student's first weights are worth: accuracy at equal steps, by how it starts and how small it is.

`python tests/benchmarks/warm_start.py [--quick] [--out FOLDER] [--minutes M]`

The packaged teacher's signal on 1,536 rows of real tests; students of about 1/2, 1/4, 1/8 and 1/16 of its
parameters are trained for the same steps, rows, loss and learning rate with two seeds, from random weights and cut
out of the teacher (`sliced`). `layers` keeps the teacher's width, so that it reaches 1/2 alone: its two layers
stand beside five narrower ones of the other two; one layer would be .32 of the teacher.

Accuracy is the share of whole assertions of unseen files whose tokens are all the likeliest, which is what greedy
decoding writes. Beside it: mean cross-entropy in nats a token before and after; and, before training, what the two
orders in which the teacher can be cut are worth.

Every training is a line of FOLDER/cells.jsonl as soon as it is there: run again, it goes on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# In place of this folder, whose `signal` is not Python's.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from kdray.config import LlamaStudent  # noqa: E402

SHARES = ("0.5", "0.25", "0.125", "0.0625")
SEEDS = (0, 1)


def _student(layers: int, hidden: int, feed_forward: int, init: str) -> LlamaStudent:
    heads = hidden // 32
    return LlamaStudent(
        family="llama", layers=layers, hidden=hidden, heads=heads, feed_forward=feed_forward, init=init
    )


def student(init: str, share: str) -> LlamaStudent | None:
    """The architecture of a cell; None where an init cannot be that small."""
    if init == "layers":
        return _student(2, 256, 704, init) if share == "0.5" else None
    sizes = {"0.5": (5, 192, 496), "0.25": (3, 160, 352), "0.125": (3, 96, 256), "0.0625": (2, 64, 192)}
    return _student(*sizes[share], init)


@dataclass(frozen=True)
class Size:
    """How much is computed."""

    rows: int = 1536
    held_out: int = 256
    steps: int = 100
    batch: int = 16


class Bench:
    """The signal, held-out rows, and the teacher in the order in which it is cut."""

    def __init__(self, out: Path, size: Size) -> None:
        from kdray.students.families import describe
        from kdray.students.importance import ROWS, importance_order
        from tests.benchmarks import common

        self.size = size
        self.teacher, self.task = common.teacher()
        self.whole = describe(self.teacher.config)
        self.corpus = common.corpus(out / "corpus")
        self.held_out = common.rows(self.corpus, "valid", size.held_out)
        self.shards = self._capture(out / "head")
        learnt = common.rows(self.corpus, "train", min(ROWS, size.rows))
        started = time.perf_counter()
        self.orders = {"own": {}, "importance": importance_order(self.teacher, learnt, self.task.pad_id)}
        self.order_s = time.perf_counter() - started

    def _capture(self, folder: Path) -> str:
        from kdray.teacher import manifest
        from kdray.teacher.capture import capture
        from kdray.teacher.codecs import make
        from tests.benchmarks import common

        if not (folder / manifest.FILE).exists():
            rows = common.rows(self.corpus, "train", self.size.rows)

            def forward(wanted: Any) -> Any:
                return common.logits(self.teacher, self.task, wanted)

            capture(rows, {str(folder): make("head")}, common.header(self.corpus), forward)
        return str(folder)

    def start(self, wanted: LlamaStudent, order: str = "own") -> Any:
        """A student before its first step."""
        from kdray.students.axes import Reordered
        from kdray.students.families import build
        from kdray.students.importance import cut_model

        if wanted.init == "random":
            vocab = self.teacher.config.vocab_size
            return build(wanted, vocab, pad_id=self.task.pad_id, end_id=self.task.end_id)
        weights = dict(self.teacher.named_parameters())
        return cut_model(
            Reordered(weights, self.orders[order], self.whole), self.whole, wanted, self.teacher.config
        )

    def run(self, wanted: LlamaStudent, seed: int, order: str) -> dict[str, float]:
        """Trains one student and measures it."""
        import torch

        from kdray.config import Distil, Optim
        from kdray.teacher.shards import ShardSource
        from kdray.train.learner import Learner
        from tests.benchmarks import common

        torch.manual_seed(seed)
        model = self.start(wanted, order)
        before = self.measure(model)
        distil = Distil(loss="decoupled", alpha=0.5)
        optim = Optim(lr=1e-3, warmup_steps=10, batch_size=self.size.batch)
        learner = Learner(model, wanted, distil, "bfloat16")
        source = ShardSource.open(self.shards)
        common.train(learner, source, optim, distil, self.size.steps, seed, self.task.pad_id)
        after = self.measure(model)
        return {**after, "start_accuracy": before["accuracy"], "start_loss": before["loss"]}

    def measure(self, model: Any) -> dict[str, float]:
        """Exact match of whole assertions and mean cross-entropy on the held-out rows."""
        from kdray.teacher.codecs.full import log_probs
        from tests.benchmarks import common

        whole: list[bool] = []
        total = count = 0.0
        for row, asked_NV in zip(
            self.held_out, common.logits(model.eval(), self.task, self.held_out), strict=True
        ):
            logq_NV, labels_N = log_probs(asked_NV), common.labels([row])
            total -= float(logq_NV[np.arange(len(labels_N)), labels_N].sum(dtype=np.float64))
            count += len(labels_N)
            ends = np.flatnonzero(labels_N == self.task.end_id) + 1
            hits = np.split(logq_NV.argmax(1) == labels_N, ends)[:-1]
            whole += [bool(part.all()) for part in hits]
        return {"accuracy": sum(whole) / len(whole), "loss": total / count, "cases": len(whole)}


def best_order(bench: Bench, cells: Any) -> str:
    """The order that trials would take: the one whose half-size cut has the lower loss."""
    from kdray.students.importance import ROWS
    from kdray.students.importance import best_order as better
    from tests.benchmarks import common

    rows = common.rows(bench.corpus, "train", min(ROWS, bench.size.rows))

    def compute() -> str:
        return "importance" if better(bench.teacher, rows, bench.task.pad_id) else "own"

    return str(cells.get("order", compute=compute))


def mean(values: list[float]) -> float:
    return round(statistics.mean(values), 4)


def main() -> None:
    from kdray.students.cost import params
    from tests.benchmarks.cells import Cells, add_options

    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path)
    add_options(parser)
    arguments = parser.parse_args()
    size = Size(rows=64, held_out=16, steps=3) if arguments.quick else Size()
    name = "kdray-warm-start-quick" if arguments.quick else "kdray-warm-start"
    out = arguments.out or Path(tempfile.gettempdir()) / name
    out.mkdir(parents=True, exist_ok=True)
    cells = Cells(arguments.cells or str(out / "cells.jsonl"), arguments.minutes)
    bench = Bench(out, size)
    order = best_order(bench, cells)
    started = time.perf_counter()
    bench.start(_student(3, 96, 256, "sliced"), order)
    cut_s = time.perf_counter() - started
    seeds = SEEDS[:1] if arguments.quick else SEEDS
    found: dict[str, dict[str, Any]] = {}
    for seed in seeds:
        for init in ("random", "layers", "sliced"):
            for share in SHARES:
                wanted = student(init, share)
                if wanted is None:
                    continue
                cell = cells.get(init, share, seed, compute=lambda w=wanted, s=seed: bench.run(w, s, order))
                print(f"{init} {share} seed {seed}: {cell}", file=sys.stderr)
                found.setdefault(init, {}).setdefault(share, []).append(cell)
    vocab = bench.teacher.config.vocab_size
    whole = params(bench.whole, vocab)
    teacher = cells.get("teacher", compute=lambda: bench.measure(bench.teacher))
    cuts = {
        one: {
            share: cells.get("cut", one, share, compute=lambda o=one, s=share: bench.measure(
                bench.start(student("sliced", s), o)
            )["loss"])
            for share in SHARES
        }
        for one in bench.orders
    }  # fmt: skip
    print(f"{'init':<8}{'share':>8}{'params':>11}{'accuracy':>10}{'(seeds)':>18}{'loss':>8}{'start':>8}")
    for init, by_share in found.items():
        for share, done in by_share.items():
            count = params(student(init, share), vocab)  # type: ignore[arg-type]
            each = " ".join(f"{one['accuracy']:.3f}" for one in done)
            print(
                f"{init:<8}{count / whole:8.3f}{count:11,}{mean([c['accuracy'] for c in done]):10.3f}{each:>18}"
                f"{mean([c['loss'] for c in done]):8.3f}{mean([c['start_loss'] for c in done]):8.3f}"
            )
    print(
        f"teacher: accuracy {teacher['accuracy']:.3f}, loss {teacher['loss']:.3f}; {teacher['cases']} assertions"
    )
    for one, losses in cuts.items():
        print(f"cut in order {one}, before training: " + "  ".join(f"{s} {x:.3f}" for s, x in losses.items()))
    print(f"order taken: {order}; scored in {bench.order_s:.1f} s, one student cut in {cut_s:.2f} s")
    accuracy = {
        init: {s: mean([c["accuracy"] for c in found[init][s]]) if s in found[init] else None for s in SHARES}
        for init in found
    }
    print(
        json.dumps(
            {
                **accuracy,
                "steps": size.steps,
                "seeds": len(seeds),
                "loss": {
                    i: {s: mean([c["loss"] for c in d]) for s, d in by.items()} for i, by in found.items()
                },
                "teacher": teacher,
                "order": order,
                "cut_loss": cuts,
                "order_s": round(bench.order_s, 2),
                "cut_s": round(cut_s, 3),
                "quick": arguments.quick,
            }
        )
    )


if __name__ == "__main__":
    main()
