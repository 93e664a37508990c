"""What storing the signal costs beside computing it.

`python tests/benchmarks/capture.py [--quick] [--out FOLDER] [--vocab N [--layers 4]]`; `--quick` takes 48 rows
instead of 128.

`kdray.teacher.capture` with codec `head` on real tests, beside the packaged teacher's bare forward pass over
the same rows in the same batches of 32, in turn in one process on one core. The bare pass is kdray's own, which
projects the target positions only; `ratio_to_transformers` is beside `model(input_ids)`, which projects all.
The codec's time is measured by itself, on the same logits. The state that is fitted once a corpus (256 rows,
whatever the corpus' size) lies ready, as in a resumed capture; its seconds are given apart. Medians over
rounds.

`--vocab N` is another figure: the four stores of `sweeps/stores.yaml` together, from one pass of a teacher of
random weights that has N tokens and some of Qwen2-0.5B's 24 layers (the smaller, the more the stores weigh);
256 tokens a row, 47 of them targets, as in the demo's corpus. The ratio is of processor seconds, which others on
the machine disturb least. Peaks are of this process, first after bare passes, then after captures, the fit
included.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import json
import resource
import shutil
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from kdray.tasks.row import IGNORED, Row
from kdray.teacher.capture import Plan, capture, logits_of, opened, prepare
from kdray.teacher.codecs import make
from kdray.teacher.manifest import ShardHeader
from kdray.teacher.shards import ShardWriter
from tests.benchmarks import common
from tests.benchmarks.large import QWEN2

BATCH, ROWS_PER_SHARD = 32, 64
LENGTH, TARGETS, LAYERS = 256, 47, 4
FOUR = {
    "head": make("head"), "full": make("full"), "minmax": make("minmax", bits=4),
    "unscaled": make("minmax", bits=4, d_model=896),
}  # fmt: skip


def peak_mb() -> int:
    """Of this process until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def cpu_seconds(work: Callable[[], None]) -> float:
    """Of this process."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def random_teacher(vocab: int, layers: int) -> common.TargetLogits:
    """A teacher of few layers, whose logits are as far apart as a trained one's."""
    import transformers as tf

    torch.set_num_threads(1)
    torch.manual_seed(0)
    fields = {
        "vocab_size": vocab,
        "num_hidden_layers": layers,
        "max_window_layers": layers,
        "eos_token_id": 0,
    }
    model = tf.Qwen2ForCausalLM(tf.Qwen2Config(**QWEN2 | fields | {"bos_token_id": 0}))
    torch.nn.init.normal_(model.get_input_embeddings().weight, std=0.1)  # of logits: about 3
    return common.TargetLogits(model, 0)


def random_rows(vocab: int, count: int) -> list[Row]:
    """The last `TARGETS` tokens of each row are to be learnt."""
    ids_RT = np.random.default_rng(0).integers(0, vocab, (count, LENGTH)).astype(np.int32)
    context = np.full(LENGTH - TARGETS, IGNORED, np.int32)
    return [Row(f"{i:016x}", ids, np.concatenate([context, ids[-TARGETS:]])) for i, ids in enumerate(ids_RT)]


def four_stores(vocab: int, layers: int, folder: Path, quick: bool) -> dict[str, object]:
    """Seconds and MB of one pass for four stores, beside the bare pass."""
    forward, rows = random_teacher(vocab, layers), random_rows(vocab, 8 if quick else 32)
    header = ShardHeader("assertion", "0" * 16, 1, "0" * 16, vocab, "0" * 16)
    batch, stores = 8, {str(folder / name): codec for name, codec in FOUR.items()}

    def bare() -> None:
        for _ in logits_of(rows, forward, batch):
            pass

    def written() -> None:
        for shard in folder.glob("*/shard-*"):
            shard.unlink()
        capture(rows, stores, header, forward, batch_size=batch, rows_per_shard=16)

    shutil.rmtree(folder, ignore_errors=True)
    bare()  # what is made once
    before = peak_mb()
    fit_s = common.seconds(lambda: prepare(rows, opened(stores, header), forward, batch))
    times = [(cpu_seconds(bare), cpu_seconds(written)) for _ in range(1 if quick else 3)]
    size = sum(file.stat().st_size for file in folder.glob("*/shard-*"))
    shutil.rmtree(folder)
    bare_s, written_s = (statistics.median(column) for column in zip(*times, strict=True))
    return {
        "vocab": vocab, "layers": layers, "ratio_to_forward": round(bare_s / written_s, 3),
        "forward_s": round(bare_s, 2),
        "capture_s": round(written_s, 2), "fit_s": round(fit_s, 2), "bare_mb": before, "peak_mb": peak_mb(),
        "tokens": len(rows) * TARGETS, "written_mb": round(size / 1e6), "quick": quick,
    }  # fmt: skip


def main() -> None:
    arguments = common.options("capture", "--vocab", "--layers")
    if arguments.vocab:
        layers, folder = arguments.layers or LAYERS, arguments.out / "four"
        print(json.dumps(four_stores(arguments.vocab, layers, folder, arguments.quick)))
        return
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
