"""How fast the stored signal comes back: decoded, padded, as tensors.

`python tests/benchmarks/loader.py [--quick] [--out FOLDER]`; `--quick` takes 64 rows instead of 768.

The packaged teacher's signal on real tests, stored by `head`, is read in training's random order in batches of
32 rows, through everything that a training step needs (rows, decoded signal, padding, tensors at T = 2), in one
thread. Beside it, in turn in one process: (a) the fastest student of the demo's space (two layers of width 96)
training on batches that lie ready, forward, loss, backward and AdamW in bfloat16; (b) the same decoded signal
as lists in Parquet, read through `datasets` in the same order, as NumPy (plain lists are slower) and padded;
(c) reading the shards' bytes from the page cache and doing nothing with them. Tokens are target tokens. Medians
over rounds.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"

import json
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from kdray.config import Distil, LlamaStudent
from kdray.losses import SignalTensors, to_tensors
from kdray.stream import Batch, batch_rows, collate
from kdray.students.families import build
from kdray.teacher import manifest
from kdray.teacher.capture import capture
from kdray.teacher.codecs import make
from kdray.teacher.shards import ShardSource
from kdray.train.learner import Learner
from tests.benchmarks import common

BATCH, TEMPERATURE = 32, 2.0


def stored(out: Path, rows: int) -> str:
    """Shards of the packaged teacher's signal."""
    model, task = common.teacher()
    folder, corpus = str(out / f"signal-{rows}"), common.corpus(out / "corpus")
    if not Path(folder, manifest.FILE).exists():
        forward = common.TargetLogits(model, task.pad_id)
        taken = common.rows(corpus, "valid", rows)
        capture(taken, {folder: make("head")}, common.header(corpus), forward, rows_per_shard=256)
    return folder


def as_parquet(source: ShardSource, path: Path) -> None:
    """The decoded signal as lists, a row of the corpus a row of the table."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("input_ids", "labels", "ids", "logprobs", "tail", "grid")
    }
    for number in range(len(source)):
        (row,), signal = source.take([number])
        columns["input_ids"].append(row.input_ids)
        columns["labels"].append(row.labels)
        columns["ids"].append(list(signal.ids_NK))
        columns["logprobs"].append(list(signal.logprobs_NK))
        columns["tail"].append(signal.tail_N)
        columns["grid"].append(list(signal.tail_lse_NG))
    pq.write_table(pa.table(columns), path, row_group_size=256)


def ready(source: ShardSource, numbers: NDArray[np.int64], pad_id: int) -> tuple[Batch, SignalTensors]:
    """What a training step gets."""
    rows, signal = source.take(numbers.tolist())
    return collate(rows, signal, pad_id=pad_id, encoder_decoder=False), to_tensors(signal, TEMPERATURE)


def from_datasets(dataset: Any, numbers: NDArray[np.int64]) -> list[NDArray[Any]]:
    """The same positions out of `datasets`, padded to one array a column."""
    found = dataset[numbers.tolist()]
    width = max(len(position) for row in found["ids"] for position in row)
    count = sum(len(row) for row in found["ids"])
    ids_NK, logprobs_NK = np.zeros((count, width), np.int64), np.full((count, width), -np.inf, np.float32)
    n = 0
    for row_ids, row_logprobs in zip(found["ids"], found["logprobs"], strict=True):
        for ids, logprobs in zip(row_ids, row_logprobs, strict=True):
            ids_NK[n, : len(ids)], logprobs_NK[n, : len(ids)] = ids, logprobs
            n += 1
    tails = [
        np.concatenate(list(found["tail"])),
        np.concatenate([np.stack(list(row)) for row in found["grid"]]),
    ]
    return [ids_NK, logprobs_NK, *tails]


class Student:
    """The consumer: a training step on a batch that lies ready."""

    def __init__(self, vocab: int, pad_id: int, end_id: int) -> None:
        torch.manual_seed(0)
        shape = LlamaStudent(family="llama", layers=2, hidden=96, heads=4, feed_forward=256)
        model = build(shape, vocab, pad_id=pad_id, end_id=end_id)
        self.learner = Learner(model, shape, Distil(alpha=0.5, temperature=TEMPERATURE), "bfloat16")
        self.optimizer = torch.optim.AdamW(self.learner.parameters())

    def step(self, batch: Batch, told: SignalTensors) -> None:
        self.learner(batch, told).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def main() -> None:
    import datasets

    arguments = common.options("loader")
    folder = stored(arguments.out, 64 if arguments.quick else 768)
    source = ShardSource.open(folder)
    _, task = common.teacher()
    parquet = Path(folder) / "lists.parquet"
    if not parquet.exists():
        as_parquet(source, parquet)
    dataset = datasets.Dataset.from_parquet(str(parquet), cache_dir=str(arguments.out / "cache")).with_format(
        "numpy"
    )
    lengths_R, per_epoch = source.lengths(), len(source) // BATCH
    order = [batch_rows(lengths_R, BATCH, 0, step) for step in range(per_epoch)]
    waiting = [ready(source, numbers, task.pad_id) for numbers in order[:8]]
    student = Student(source.manifest.vocab, task.pad_id, task.end_id)
    names = [Path(folder) / shard.name for shard in source.manifest.shards]
    work: dict[str, tuple[int, Callable[[], Any]]] = {
        "loader": (source.manifest.tokens, lambda: [ready(source, numbers, task.pad_id) for numbers in order]),
        "consumer": (sum(b.num_targets for b, _ in waiting), lambda: [student.step(*one) for one in waiting]),
        "datasets": (
            sum(b.num_targets for b, _ in waiting), lambda: [from_datasets(dataset, n) for n in order[:8]]
        ),
        "raw_read": (source.manifest.tokens, lambda: [name.read_bytes() for name in names]),
    }  # fmt: skip
    rates: dict[str, list[float]] = {name: [] for name in work}
    for repeat in range(3 if arguments.quick else 6):
        for name, (tokens, run) in work.items():
            taken = common.seconds(run)
            if repeat:
                rates[name].append(tokens / taken)
    rate = {name: statistics.median(values) for name, values in rates.items()}
    for name, value in rate.items():
        print(f"{name:<10} {value:>14,.0f} target tokens/s")
    ratios = {f"ratio_to_{name}": round(rate["loader"] / rate[name], 3) for name in list(rate)[1:]}
    print(json.dumps({"tokens_per_s": round(rate["loader"]), **ratios, "quick": arguments.quick}))


if __name__ == "__main__":
    main()
