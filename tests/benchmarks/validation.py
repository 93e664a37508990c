"""What looking through a shard costs before it is believed: seconds a gigabyte, beside its SHA-256.

`python tests/benchmarks/validation.py [--megabytes N]`; rows of 300 tokens with 40 targets, the `head` codec's
layout with bytes that mean nothing. Medians of five, one thread.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import pyarrow as pa

from kdray.tasks.row import IGNORED, Row
from kdray.teacher import record_batch
from kdray.teacher.codec import Packed, starts
from kdray.teacher.codecs.head import Head
from kdray.teacher.sound_batch import check_rows, one_batch

LENGTH, TARGETS, SIGNAL_BYTES, VOCAB = 300, 40, 20, 4096


def shard(megabytes: int) -> bytes:
    """A shard of about that size."""
    rng = np.random.default_rng(0)
    count = int(megabytes * 1e6 / (2 * (LENGTH + TARGETS) + TARGETS * SIGNAL_BYTES + 60))
    ids = rng.integers(0, VOCAB, LENGTH).astype(np.int32)
    labels = np.where(np.arange(LENGTH) >= LENGTH - TARGETS, ids, IGNORED)
    columns = record_batch.from_rows([Row(f"{n:016x}", ids, labels) for n in range(count)], VOCAB)
    per = TARGETS * SIGNAL_BYTES // len(Head.fields)
    edges_R = starts(np.full(count, per, np.int64))
    for name in Head.fields:
        field = Packed(rng.integers(0, 256, int(edges_R[-1]), np.uint8), edges_R)
        columns[f"signal.{name}"] = record_batch.binary(field)
    return record_batch.to_bytes(columns, {})


def seconds(run: Callable[[], object]) -> float:
    """Median of five."""
    taken = []
    for _ in range(5):
        begin = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=300)
    data = shard(parser.parse_args().megabytes)
    pa.set_cpu_count(1)
    batch = one_batch(data, sound=True)
    fields = [f"signal.{name}" for name in Head.fields]
    work: dict[str, Callable[[], object]] = {
        "sha256": lambda: hashlib.sha256(data).digest(),
        "open": lambda: one_batch(data, sound=True),
        "arrow": lambda: batch.validate(full=True),
        "rows": lambda: check_rows(batch, VOCAB, fields),
    }
    for name, run in work.items():
        print(f"{name:<8} {seconds(run) / len(data) * 1e9:8.4f} s/GB")


if __name__ == "__main__":
    main()
