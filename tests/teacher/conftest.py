"""A small teacher's word on a few rows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kdray.tasks.row import IGNORED, Row
from kdray.teacher.codecs import make
from kdray.teacher.manifest import Manifest, ShardHeader
from kdray.teacher.shards import ShardWriter

VOCAB = 61
HEADER = ShardHeader("assertion", "teacher0teacher0", 1000, "tokeniz0tokeniz0", VOCAB, "corpus00corpus00")


def make_rows(count: int, seed: int = 0, encoder_decoder: bool = False) -> list[Row]:
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        input_ids = rng.integers(0, VOCAB, rng.integers(4, 30)).astype(np.int32)
        labels = rng.integers(0, VOCAB, rng.integers(1, 12)).astype(np.int32)
        if not encoder_decoder:
            labels = np.where(rng.random(len(input_ids)) < 0.4, input_ids, IGNORED).astype(np.int32)
            labels[-1] = input_ids[-1]
        rows.append(Row(f"{number:016x}", input_ids, labels))
    return rows


def make_logits(rows: list[Row], seed: int = 0, vocab: int = VOCAB) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [(3 * rng.standard_normal((row.num_targets, vocab))).astype(np.float32) for row in rows]


Build = Callable[..., Manifest]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Writes rows as shards of `size` rows under `tmp_path/name`."""

    def write(
        name: str = "signal", rows: list[Row] | None = None, size: int = 8, codec: str = "head"
    ) -> Manifest:
        rows = make_rows(20) if rows is None else rows
        writer = ShardWriter(str(tmp_path / name), make(codec), HEADER)
        for number, start in enumerate(range(0, len(rows), size)):
            part = rows[start : start + size]
            extra = {"kind": [f"row {row.id}" for row in part], "numbers": [[1.5, 2.0]] * len(part)}
            writer.write(number, part, make_logits(part, start), extra)
        return writer.finish()

    return write
