"""What a store costs and how near it is to its teacher, at every temperature.

`python tests/benchmarks/codec.py [--quick] [--out FOLDER]`; `--quick` takes a few rows and only the packaged
teacher.

Two teachers: the packaged one (V = 4,096) on 64 rows of unseen real tests, and, for size, a small one with
CodeT5's vocabulary (32,100 ids) trained here for 150 steps on the same tests, on 12 rows. What a codec must
know of the corpus is fitted to 256 rows of the training split, as capture does. Columns, in nats and means over
positions unless said: bucketed KL(teacher || stored) over kept tokens and one bucket for the rest, its 99th
percentile; KL over all tokens with the tail spread as stored, and with an even tail; absolute error of the kept
tokens' log-probabilities. A store that gives a token of the teacher no probability at all has an infinite KL
(null in the JSON): for these KL(stored || teacher) is the finite one.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kdray.config import Distil, LlamaStudent, Optim
from kdray.corpus.store import read_corpus
from kdray.stream import PlainSource
from kdray.students.families import build
from kdray.students.load import load_tokenizer
from kdray.tasks import task_of
from kdray.tasks.row import Row
from kdray.teacher import fidelity
from kdray.teacher.capture import Plan
from kdray.teacher.codec import Codec, FitSample
from kdray.teacher.codecs import make
from kdray.teacher.signal import TeacherSignal
from kdray.train.learner import Learner
from tests.benchmarks import common

CODECS: dict[str, Codec] = {
    "head": make("head"), "full": make("full"),
    "minmax8": make("minmax", bits=8), "minmax4": make("minmax", bits=4),
    "sampled50": make("sampled", draws=50), "topk_fp16": make("topk", k=8),
}  # fmt: skip
BETWEEN = (0.75, 1.5, 3.0, 6.0)
"""Temperatures that are no node of the tail's grid."""

Logits = list[NDArray[np.float32]]


def measure(
    codec: Codec, told: Logits, rows: Sequence[Row], sample: Logits, sample_rows: Sequence[Row]
) -> dict[str, Any]:
    """The figures of one codec on one teacher's logits."""
    state = codec.fit(FitSample(sample, common.labels(sample_rows)))
    packed, signal = common.encoded(codec, told, rows, state)
    logits_NV = np.concatenate(told)
    even = replace(signal, spread=None)
    bucketed = {t: fidelity.bucketed_kl(logits_NV, signal, t) for t in fidelity.TEMPERATURES}
    full = {t: fidelity.full_kl(logits_NV, signal, t).mean() for t in fidelity.TEMPERATURES}
    return {
        "bytes_per_token": sum(field.data.size for field in packed.values()) / len(logits_NV),
        "announced_bytes_per_token": codec.bits_per_token(logits_NV.shape[1]) / 8,
        "kept": float(np.isfinite(signal.logprobs_NK).sum(1).mean()),
        "kl_bucket_mean": {f"{t:g}": kl_N.mean() for t, kl_N in bucketed.items()},
        "kl_bucket_p99": {f"{t:g}": np.percentile(kl_N, 99, method="higher") for t, kl_N in bucketed.items()},
        "kl_bucket_mean_between": {
            f"{t:g}": fidelity.bucketed_kl(logits_NV, signal, t).mean() for t in BETWEEN
        },
        "kl_full_mean": {f"{t:g}": kl for t, kl in full.items()},
        "kl_uniform_tail_mean": {
            f"{t:g}": kl if signal.spread is None else fidelity.full_kl(logits_NV, even, t).mean()
            for t, kl in full.items()
        },
        "kl_stored_to_teacher_mean": {f"{t:g}": reverse_kl(logits_NV, signal, t) for t in full},
        "tempered_logprob_error": {f"{t:g}": head_error(logits_NV, signal, t) for t in full},
    }  # fmt: skip


def reverse_kl(logits_NV: NDArray[np.float32], signal: TeacherSignal, temperature: float) -> float:
    """Mean KL(stored || teacher)."""
    total = 0.0
    for start in range(0, len(logits_NV), 256):
        block = slice(start, start + 256)
        logp_NV = fidelity.dense(fidelity.select(signal, block), temperature)
        logq_NV = fidelity.log_softmax(logits_NV[block], temperature)
        with np.errstate(invalid="ignore"):
            total += float(np.where(np.isneginf(logp_NV), 0.0, np.exp(logp_NV) * (logp_NV - logq_NV)).sum())
    return total / len(logits_NV)


def head_error(logits_NV: NDArray[np.float32], signal: TeacherSignal, temperature: float) -> float:
    """Mean absolute error of the kept tokens' log-probabilities."""
    kept_NK = np.isfinite(signal.logprobs_NK)
    errors = []
    for start in range(0, len(logits_NV), 256):
        block = slice(start, start + 256)
        stored_NK, _ = fidelity.coarse(fidelity.select(signal, block), temperature)
        exact_NV = fidelity.log_softmax(logits_NV[block], temperature)
        errors.append(
            np.abs(np.take_along_axis(exact_NV, signal.ids_NK[block], 1) - stored_NK)[kept_NK[block]]
        )
    return float(np.concatenate(errors).mean())


def on_teacher(model: Any, task: Any, rows: Sequence[Row], sample_rows: Sequence[Row]) -> dict[str, Any]:
    """Every codec on one teacher."""
    told, sample = common.logits(model, task, rows), common.logits(model, task, sample_rows)
    vocab, positions = told[0].shape[1], sum(len(one) for one in told)
    entropy_N = np.concatenate([-(np.exp(p) * p).sum(1) for p in map(fidelity.log_softmax, told)])
    print(f"V = {vocab:,}, {positions:,} held-out positions, mean entropy {entropy_N.mean():.2f} nats")
    found = {name: measure(codec, told, rows, sample, sample_rows) for name, codec in CODECS.items()}
    print_table(found)
    return {
        "vocab": vocab,
        "positions": positions,
        "codecs": found,
        "distillkit_bytes": common.distillkit_bytes(vocab),
    }


def small_teacher(corpus: str, steps: int) -> tuple[Any, Any, list[Row]]:
    """A Llama with CodeT5's vocabulary, trained for a minute; its task, its training rows."""
    tokenizer = load_tokenizer(common.CODET5)
    task = task_of("assertion", tokenizer, False, common.teacher_encoding())
    examples = read_corpus(corpus, "train")
    rows = task.rows([examples[i * len(examples) // 6000] for i in range(6000)])
    shape = LlamaStudent(family="llama", layers=3, hidden=128, heads=4, feed_forward=352)
    torch.manual_seed(0)
    model = build(shape, 32100, pad_id=task.pad_id, end_id=task.end_id)
    learner = Learner(model, shape, Distil(alpha=0.0), "bfloat16")
    optim = Optim(lr=3e-3, warmup_steps=10, batch_size=16)
    common.train(learner, PlainSource(rows), optim, Distil(alpha=0.0), steps, 0, task.pad_id)
    return model, task, rows


def print_table(found: dict[str, Any]) -> None:
    columns = (
        ("kl_bucket_mean", "bucketed KL at T = .5, 1, 2, 4, 8"), ("kl_full_mean", "full KL at the same"),
        ("kl_uniform_tail_mean", "full KL, even tail"), ("kl_stored_to_teacher_mean", "KL(stored || teacher)"),
    )  # fmt: skip
    for name, one in found.items():
        print(f"{name:<10} {one['bytes_per_token']:9.2f} bytes a token, {one['kept']:.1f} tokens kept")
        for key, title in columns:
            print(f"    {title:<34}" + "".join(f"{value:10.2g}" for value in one[key].values()))


def finite(value: Any) -> Any:
    """JSON knows no infinity."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def main() -> None:
    arguments = common.options("codec")
    model, task = common.teacher()
    corpus = common.corpus(arguments.out / "corpus")
    rows = common.rows(corpus, "valid", 4 if arguments.quick else 64)
    source = common.rows(corpus, "valid", 64)[1::2] if arguments.quick else common.rows(corpus, "train", 256)
    result = on_teacher(model, task, rows, Plan(source).sample())
    if not arguments.quick and common.CODET5.exists():
        model, task, trained = small_teacher(corpus, 150)
        valid = task.rows(read_corpus(corpus, "valid"))
        held_out = [valid[i * len(valid) // 12] for i in range(12)]
        result["codet5"] = on_teacher(model, task, held_out, Plan(trained[::20]).sample()[:64])
    print(json.dumps(finite({**result, "quick": arguments.quick})))


if __name__ == "__main__":
    main()
