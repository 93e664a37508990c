"""A shard whose signal is larger than what 32 bits reach, written and read back as it is: a file with holes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kdray.tasks.row import IGNORED, Row
from kdray.teacher import shards
from kdray.teacher.codec import Packed
from kdray.teacher.codecs import make
from kdray.teacher.shards import ShardSource, ShardWriter
from tests.teacher.conftest import HEADER


class Sparse:
    """A file in which whole blocks of zeros take no room."""

    BLOCK = 1 << 20

    def __init__(self, path: str) -> None:
        self.file, self.closed = open(path, "wb"), False  # noqa: SIM115

    def write(self, data: Any) -> int:
        values = np.frombuffer(data, np.uint8)
        for start in range(0, len(values), self.BLOCK):
            block = values[start : start + self.BLOCK]
            if block.any():
                self.file.write(block.data)
            else:
                self.file.seek(len(block), os.SEEK_CUR)
        return len(values)

    def tell(self) -> int:
        return self.file.tell()

    def flush(self) -> None:
        self.file.flush()


@contextlib.contextmanager
def sparsely(location: str) -> Iterator[Sparse]:
    Path(location).parent.mkdir(parents=True, exist_ok=True)
    sink = Sparse(location)
    yield sink
    sink.file.truncate()
    sink.file.close()


@pytest.mark.slow
def test_a_shard_of_more_than_four_gigabytes_in_one_column_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, vocab = 470, 100_352
    tokens = 47
    header = replace(HEADER, vocab=vocab)
    ids = np.arange(tokens + 1, dtype=np.int32)
    labels = np.where(ids > 0, ids, IGNORED).astype(np.int32)
    made = [Row(f"{number:016x}", ids + number, labels) for number in range(rows)]
    per = 2 * tokens * vocab
    data = np.zeros(rows * per, np.uint8)  # pages that nobody touches
    assert data.size > 1 << 32
    logprobs = data.view(np.float16).reshape(rows, tokens, vocab)
    marked = {0: -1.5, 227: -2.5, 228: -3.5, 456: -4.5, 469: -5.5}  # about 2 GiB, and beyond 4
    for number, value in marked.items():
        logprobs[number, number % tokens, 5 * number] = value
    signal = Packed(data, np.arange(rows + 1, dtype=np.int64) * per)
    folder = str(tmp_path / "signal")
    writer = ShardWriter(folder, make("full"), header)
    with monkeypatch.context() as patched:
        patched.setattr(shards.storage, "open_atomic", sparsely)
        writer._write(0, made, [{"logprobs": signal}], {})
    writer.write(1, made[:1], [np.zeros((tokens, vocab), np.float32)])
    assert writer.finish().shards[0].bytes > 1 << 32
    source = ShardSource.open(folder)
    for number, value in marked.items():
        (row,), told = source.take([number])
        assert row.input_ids[0] == number
        found = told.logprobs_NK
        assert found[number % tokens, 5 * number] == value and np.count_nonzero(found) == 1
    both, told = source.take([470, 469])
    assert [row.id for row in both] == [made[0].id, made[469].id]
    assert told.logprobs_NK[tokens + 469 % tokens, 5 * 469] == -5.5
    rest = np.delete(told.logprobs_NK[:tokens].ravel(), 0)
    np.testing.assert_allclose(rest, -np.log(vocab), atol=0.01)
