"""What storing the signal costs beside computing it.

`python tests/benchmarks/capture.py [--quick] [--out FOLDER]`; `--quick` takes 48 rows instead of 128.

`kdray.teacher.capture` with codec `head` on real tests, beside the packaged teacher's bare forward pass over
the same rows in the same batches of 32, in turn in one process on one core. The bare pass is kdray's own, which
projects the target positions only; `ratio_to_transformers` is beside `model(input_ids)`, which projects all.
The codec's time is measured by itself, on the same logits. The state that is fitted once a corpus (256 rows,
whatever the corpus' size) lies ready, as in a resumed capture; its seconds are given apart. Medians over
rounds.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import json
import shutil
import statistics

import numpy as np
import torch

from kdray.teacher.capture import Plan, capture, logits_of, prepare
from kdray.teacher.codecs import make
from kdray.teacher.shards import ShardWriter
from tests.benchmarks import common

BATCH, ROWS_PER_SHARD = 32, 64


def main() -> None:
    arguments = common.options("capture")
    model, task = common.teacher()
    corpus = common.corpus(arguments.out / "corpus")
    rows = common.rows(corpus, "valid", 48 if arguments.quick else 128)
    codec, header = make("head"), common.header(corpus)
    forward = common.TargetLogits(model, task.pad_id)
    plan = Plan(rows, ROWS_PER_SHARD, BATCH)
    folder = arguments.out / "signal"
    shutil.rmtree(folder, ignore_errors=True)
    writer = ShardWriter(str(folder), codec, header)
    fitted = common.seconds(lambda: prepare(plan.sample(), [writer], forward, BATCH))
    state = ShardWriter(str(folder), codec, header).state or {}
    options = {"batch_size": BATCH, "rows_per_shard": ROWS_PER_SHARD}

    def write() -> None:
        for shard in folder.glob("shard-*"):
            shard.unlink()
        capture(rows, {str(folder): codec}, header, forward, **options)

    def bare() -> None:
        for number in range(len(plan)):
            for _ in logits_of(plan.shard(number), forward, BATCH):
                pass

    @torch.no_grad()
    def transformers() -> None:
        for number in range(len(plan)):
            shard = plan.shard(number)
            for start in range(0, len(shard), BATCH):
                ids_BT = forward._pad([row.input_ids for row in shard[start : start + BATCH]], task.pad_id)
                model(input_ids=ids_BT, use_cache=False)

    told = [one for number in range(len(plan)) for one in logits_of(plan.shard(number), forward, BATCH)]
    sorted_rows = [row for number in range(len(plan)) for row in plan.shard(number)]

    def encode() -> None:
        for start in range(0, len(told), BATCH):
            part = sorted_rows[start : start + BATCH]
            counts_R = np.array([row.num_targets for row in part], np.int64)
            codec.encode(np.concatenate(told[start : start + BATCH]), common.labels(part), counts_R, state)

    work = {"capture": write, "forward": bare, "transformers": transformers, "codec": encode}
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(1 if arguments.quick else 5):
        for name, run in work.items():
            times[name].append(common.seconds(run))
    median = {name: statistics.median(values) for name, values in times.items()}
    tokens = sum(row.num_targets for row in rows)
    for name, value in median.items():
        print(f"{name:<13} {value:8.2f} s {tokens / value:>10,.0f} target tokens/s")
    print(f"fitting the codec, once a corpus: {fitted:.1f} s")
    print(
        json.dumps(
            {
                "ratio_to_forward": round(median["forward"] / median["capture"], 4),
                "ratio_to_transformers": round(median["transformers"] / median["capture"], 4),
                "compression_share": round(median["codec"] / median["capture"], 4),
                "fit_s": round(fitted, 2),
                "tokens": tokens,
                "quick": arguments.quick,
            }
        )
    )


if __name__ == "__main__":
    main()
