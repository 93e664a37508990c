"""What a student learns from each store: the figure that counts.

`python tests/benchmarks/signal.py [--quick] [--out FOLDER] [--cells N]`

The packaged teacher's signal on 1,536 rows of real tests is stored by every codec. From each store the same
student (three layers of width 128, cut out of the teacher as in the demo) is trained for the same steps at T = 1,
2 and 4 with three seeds, by the teacher alone (alpha = 1): with the default loss, `decoupled`, from `head`, and
with the KL over all tokens, the tail spread as stored (`head_spread`); with the KL over all tokens from `full` and
`minmax`; from the stored tokens alone where there is nothing else (`sampled`, `topk`). Beside them the labels
without a teacher, and the student as it starts.

Measured on rows of unseen files: KL(teacher || student) at T = 1 over all tokens, against the teacher's own
float32 logits; exact match of whole assertions (decoded greedily: an assertion is right if each of its tokens is
the likeliest); calibration error (15 bins, of the likeliest token). Values are [mean, half-width of the 95 %
t-interval over the seeds].

Every training's result is a line of FOLDER/cells.jsonl as soon as it is there: run again, it goes on; `--cells`
ends it after so many. `--quick` takes one seed, T = 2 and few steps.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "signal":
    # A script has its own folder on its path, so `import signal` finds this file: it means the standard library's.
    import importlib.util
    import os

    spec = importlib.util.spec_from_file_location("signal", Path(os.__file__).parent / "signal.py")
    assert spec and spec.loader
    sys.modules["signal"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["signal"])
else:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.config import LlamaStudent
from kdray.tasks.row import Row


@dataclass(frozen=True)
class Store:
    """A codec, its parameters and the loss that reads it."""

    codec: str
    params: dict[str, Any]
    loss: str
    alpha: float = 1.0


STORES = {
    "head": Store("head", {}, "decoupled"),
    "head_spread": Store("head", {}, "spread"),
    "full": Store("full", {}, "spread"),
    "minmax8": Store("minmax", {"bits": 8}, "spread"),
    "minmax4": Store("minmax", {"bits": 4}, "spread"),
    "sampled50": Store("sampled", {"draws": 50}, "sampled"),
    "topk_fp16": Store("topk", {"k": 8}, "sampled"),
    "labels": Store("head", {}, "decoupled", alpha=0.0),
}
STUDENT = LlamaStudent(family="llama", layers=3, hidden=128, heads=4, feed_forward=352)
TEMPERATURES, SEEDS = (1.0, 2.0, 4.0), (0, 1, 2)
T_95 = {1: 0.0, 2: 12.706, 3: 4.303}
"""Quantile of Student's t by number of seeds."""


@dataclass(frozen=True)
class Size:
    """How much is computed."""

    rows: int = 1536
    held_out: int = 192
    steps: int = 120
    batch: int = 16


def cells(quick: bool) -> list[tuple[str, float, int]]:
    """All trainings, seed by seed; the labels know no temperature."""
    if quick:
        return [(name, 2.0, 0) for name in STORES]
    return [
        (name, t, seed)
        for seed in SEEDS
        for t in TEMPERATURES
        for name in STORES
        if name != "labels" or t == 1
    ]


class Bench:
    """Stores, held-out rows and the teacher's word on them."""

    def __init__(self, out: Path, size: Size) -> None:
        from tests.benchmarks import common

        self.out, self.size = out, size
        model, self.task = common.teacher()
        self.corpus = common.corpus(out / "corpus")
        self.held_out = common.rows(self.corpus, "valid", size.held_out)
        self.teacher = common.logits(model, self.task, self.held_out)
        self._known: dict[str, NDArray[np.float32]] = {}
        self.bytes_per_token = {name: self._capture(store) for name, store in STORES.items()}

    def folder(self, store: Store) -> str:
        """Where its shards are."""
        return str(self.out / "-".join([store.codec, *map(str, store.params.values())]))

    def _capture(self, store: Store) -> float:
        from kdray.teacher import manifest
        from kdray.teacher.capture import capture
        from kdray.teacher.codecs import make
        from tests.benchmarks import common

        folder = self.folder(store)
        if (Path(folder) / manifest.FILE).exists():
            made = manifest.read(folder)
        else:
            taken = common.rows(self.corpus, "train", self.size.rows)
            codec = make(store.codec, **store.params)
            made = capture(taken, {folder: codec}, common.header(self.corpus), self._forward)[folder]
        return made.signal_bytes / made.tokens

    def _forward(self, wanted: Sequence[Row]) -> list[NDArray[np.float32]]:
        """The teacher's logits, computed once for all codecs."""
        from tests.benchmarks import common

        if not self._known:
            taken = sorted(
                common.rows(self.corpus, "train", self.size.rows), key=lambda row: len(row.input_ids)
            )
            told = common.logits(common.teacher()[0], self.task, taken)
            self._known = {row.id: one for row, one in zip(taken, told, strict=True)}
        return [self._known[row.id] for row in wanted]

    def run(self, name: str, temperature: float, seed: int) -> dict[str, float]:
        """Trains one student and measures it."""
        import torch

        from kdray.config import Distil, Optim
        from kdray.teacher.shards import ShardSource
        from kdray.train.learner import Learner
        from tests.benchmarks import common

        store = STORES[name]
        source = ShardSource.open(self.folder(store))
        torch.manual_seed(seed)
        model = self.student()
        distil = Distil(loss=store.loss, alpha=store.alpha, temperature=temperature)
        optim = Optim(lr=3e-4, warmup_steps=10, batch_size=self.size.batch)
        learner = Learner(model, STUDENT, distil, "bfloat16")
        common.train(learner, source, optim, distil, self.size.steps, seed, self.task.pad_id)
        return self.measure(model)

    def student(self) -> Any:
        """The student at its start: the leading part of every tensor of the teacher."""
        from kdray.students.families import build, describe
        from kdray.students.warm_start import slices
        from tests.benchmarks import common

        teacher, task = common.teacher()
        model = build(STUDENT, teacher.config.vocab_size, pad_id=task.pad_id, end_id=task.end_id)
        shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
        state = dict(slices(dict(teacher.named_parameters()), describe(teacher.config), STUDENT, shapes))
        model.load_state_dict({name: tensor.detach().clone() for name, tensor in state.items()}, strict=False)
        return model.eval()

    def measure(self, model: Any) -> dict[str, float]:
        """KL, exact match and calibration error on the held-out rows."""
        from kdray.teacher.codecs.full import log_probs
        from tests.benchmarks import common

        total = 0.0
        right, confidence, whole = [], [], []
        for row, told_NV, asked_NV in zip(
            self.held_out, self.teacher, common.logits(model, self.task, self.held_out), strict=True
        ):
            logp_NV, logq_NV = log_probs(told_NV), log_probs(asked_NV)
            total += float((np.exp(logp_NV) * (logp_NV - logq_NV)).sum(dtype=np.float64))
            labels_N = common.labels([row])
            hit_N = logq_NV.argmax(1) == labels_N
            right.append(hit_N)
            confidence.append(np.exp(logq_NV.max(1)))
            ends = np.flatnonzero(labels_N == self.task.end_id) + 1
            whole += [bool(part.all()) for part in np.split(hit_N, ends)[:-1]]
        right_N, confidence_N = np.concatenate(right), np.concatenate(confidence)
        bins_N = np.minimum((confidence_N * 15).astype(int), 14)
        gaps = [abs(float((right_N[bins_N == b] - confidence_N[bins_N == b]).sum())) for b in range(15)]
        return {
            "heldout_kl": total / len(right_N),
            "exact_match": sum(whole) / len(whole),
            "ece": sum(gaps) / len(right_N),
        }


def interval(values: list[float]) -> list[float]:
    """Mean and half-width."""
    half = T_95[len(values)] * statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return [round(statistics.mean(values), 5), round(half, 5)]


def summary(done: list[dict[str, Any]]) -> dict[str, Any]:
    """{codec: {T: {measure: [mean, half-width]}}}."""
    found: dict[str, Any] = {}
    for name in STORES:
        for t in TEMPERATURES:
            mine = [cell for cell in done if (cell["codec"], cell["temperature"]) == (name, t)]
            if mine:
                measures = ("heldout_kl", "exact_match", "ece")
                found.setdefault(name, {})[f"{t:g}"] = {m: interval([c[m] for c in mine]) for m in measures}
    return found


def ratio_to_full(done: list[dict[str, Any]], name: str, t: float) -> list[float]:
    """Held-out KL over that of `full`, seed by seed."""
    kl = {(cell["codec"], cell["temperature"], cell["seed"]): cell["heldout_kl"] for cell in done}
    return [kl[name, t, s] / kl["full", t, s] for s in SEEDS if (name, t, s) in kl and ("full", t, s) in kl]


def print_table(done: list[dict[str, Any]], bytes_per_token: dict[str, float]) -> None:
    columns = f"{'held-out KL':>17} {'to full':>17} {'exact match':>13} {'calibration':>12}"
    print(f"{'store':<15}{'bytes':>8}  T  {columns}")
    for name, by_t in summary(done).items():
        for t, found in by_t.items():
            (kl, half), (match, _), (ece, _) = found["heldout_kl"], found["exact_match"], found["ece"]
            ratios = ratio_to_full(done, name, float(t))
            to_full = "{:.3f} +- {:.3f}".format(*interval(ratios)) if ratios else "-"
            print(
                f"{name:<15}{bytes_per_token[name]:8.1f}  {t}  {kl:8.4f} +- {half:.4f} {to_full:>17}"
                f" {match:13.3f} {ece:12.3f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cells", type=int)
    arguments = parser.parse_args()
    quick = arguments.quick
    size = Size(rows=64, held_out=16, steps=4) if quick else Size()
    name = "kdray-signal-quick" if quick else "kdray-signal"
    out = arguments.out or Path(tempfile.gettempdir()) / name
    out.mkdir(parents=True, exist_ok=True)
    results = out / "cells.jsonl"
    done = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    known = {(cell["codec"], cell["temperature"], cell["seed"]) for cell in done}
    bench = Bench(out, size)
    for codec, t, seed in [cell for cell in cells(quick) if cell not in known][: arguments.cells]:
        cell = {"codec": codec, "temperature": t, "seed": seed, **bench.run(codec, t, seed)}
        done.append(cell)
        with results.open("a") as file:
            file.write(json.dumps(cell) + "\n")
        print("  ".join(f"{key} {value}" for key, value in cell.items()), file=sys.stderr)
    start = bench.measure(bench.student())
    print_table(done, bench.bytes_per_token)
    print("before training: " + "  ".join(f"{name} {value:.4f}" for name, value in start.items()))
    to_full = {
        n: {f"{t:g}": interval(r) for t in TEMPERATURES if (r := ratio_to_full(done, n, t))} for n in STORES
    }
    print(
        json.dumps(
            {
                **summary(done),
                "ratio_to_full": to_full,
                "start": {name: round(value, 5) for name, value in start.items()},
                "seeds": len({cell["seed"] for cell in done}),
                "steps": size.steps,
                "bytes_per_token": {n: round(b, 2) for n, b in bench.bytes_per_token.items()},
                "quick": quick,
            }
        )
    )


if __name__ == "__main__":
    main()
