"""Capture: resumable by shard, the same bytes however often it was killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from kdray.errors import DataError
from kdray.tasks.kept_rows import KeptRows
from kdray.tasks.row import Row
from kdray.teacher.capture import batches, capture
from kdray.teacher.codecs import make
from kdray.teacher.manifest import Manifest
from kdray.teacher.shards import ShardSource
from tests.teacher.conftest import HEADER, VOCAB, make_rows


class Teacher:
    """Logits that are a function of the row alone; counts what it is asked."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.rows, self.fail_after = 0, fail_after
        self.widest = 0

    def __call__(self, rows: list[Row]) -> list[np.ndarray]:
        self.rows += len(rows)
        self.widest = max(self.widest, len(rows))
        if self.fail_after is not None and self.rows > self.fail_after:
            raise KeyboardInterrupt
        seeds = [int(row.id, 16) for row in rows]
        return [
            np.random.default_rng(seed).standard_normal((row.num_targets, VOCAB)).astype(np.float32) * 3
            for seed, row in zip(seeds, rows, strict=True)
        ]


def run(folder: Path, teacher: Teacher, count: int = 40, **options: int) -> Manifest:
    options = {"rows_per_shard": 8, "batch_size": 4, **options}
    return capture(make_rows(count), {str(folder): make("head")}, HEADER, teacher, **options)[str(folder)]


def run_all(folder: Path, teacher: Teacher, count: int) -> None:
    """A capture into three stores."""
    codecs = {"head": make("head"), "minmax": make("minmax", bits=4), "full": make("full")}
    stores = {str(folder / name): codec for name, codec in codecs.items()}
    capture(make_rows(count), stores, HEADER, teacher, rows_per_shard=8, batch_size=4)


def contents(folder: Path) -> dict[str, bytes]:
    files = [file for file in folder.rglob("*") if file.is_file() and not file.name.endswith(".tmp")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_every_row_is_captured_with_the_signal_of_its_targets(tmp_path: Path) -> None:
    teacher = Teacher()
    manifest = run(tmp_path / "s", teacher)
    source = ShardSource.open(str(tmp_path / "s"))
    rows, found = source.take(range(len(source)))
    assert sorted(row.id for row in rows) == [row.id for row in make_rows(40)]
    assert manifest.tokens == len(found) == sum(row.num_targets for row in rows)
    logits = np.concatenate(Teacher()(rows))
    assert (found.ids_NK[:, 0] == logits.argmax(1)).all()
    assert teacher.widest == 4


def test_rows_that_are_kept_on_disk_give_the_bytes_of_rows_in_memory(tmp_path: Path) -> None:
    rows = make_rows(40)
    with KeptRows(iter(rows)) as kept:
        for folder, given in (("list", rows), ("kept", kept)):
            stores = {str(tmp_path / folder): make("head")}
            capture(given, stores, HEADER, Teacher(), rows_per_shard=8, batch_size=4)
    assert contents(tmp_path / "kept") == contents(tmp_path / "list")


def test_batches_are_made_by_length_within_a_shard(tmp_path: Path) -> None:
    run(tmp_path / "s", Teacher())
    lengths = ShardSource.open(str(tmp_path / "s")).lengths().reshape(-1, 8)
    assert (np.diff(lengths, axis=1) >= 0).all()


def test_batches_of_long_rows_are_of_fewer_and_all_rows_are_in_one() -> None:
    lengths = [16, 100, *[512] * 6, 600, 900, 2000, 5000, 8192]
    rows = [Row("", np.zeros(length, np.int32), np.zeros(1, np.int32)) for length in lengths]
    found = [[len(row.input_ids) for row in batch] for batch in batches(rows, 4)]
    assert [length for batch in found for length in batch] == lengths
    assert found == [lengths[:4], lengths[4:8], [600, 900], [2000], [5000], [8192]]


def test_an_interrupted_capture_goes_on_where_it_was_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole = Teacher()
    run(tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", Teacher(fail_after=whole.rows - 15))
    again = Teacher()
    run(tmp_path / "parts", again)
    assert 0 < again.rows < 40
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")


def test_the_teacher_is_heard_once_by_all_stores_and_each_is_as_if_it_were_alone(tmp_path: Path) -> None:
    codecs = {"head": make("head"), "full": make("full"), "plain": make("head", spread_bytes=0)}
    options = {"rows_per_shard": 8, "batch_size": 4}
    for name, codec in codecs.items():
        capture(make_rows(40), {str(tmp_path / "alone" / name): codec}, HEADER, Teacher(), **options)
    together = {str(tmp_path / "together" / name): codec for name, codec in codecs.items()}
    capture(make_rows(40), {next(iter(together)): make("head")}, HEADER, Teacher(), **options)
    os.remove(
        tmp_path / "together" / "head" / "shard-00003.arrow"
    )  # one is nearly done, the others have nothing
    teacher = Teacher()
    assert list(capture(make_rows(40), together, HEADER, teacher, **options)) == list(together)
    assert teacher.rows == 40 + 40  # each row once, and all of them for the fit
    for name in codecs:
        assert contents(tmp_path / "alone" / name) == contents(tmp_path / "together" / name)


def test_a_finished_capture_is_not_computed_again(tmp_path: Path) -> None:
    first = run(tmp_path / "s", Teacher())
    again = Teacher()
    assert run(tmp_path / "s", again) == first
    assert again.rows == 0


def test_a_shorter_corpus_under_the_same_name_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "s", Teacher())
    with pytest.raises(DataError, match="one too many: the corpus makes 2 shards"):
        run(tmp_path / "s", Teacher(), count=16)
    with pytest.raises(DataError, match="no rows"):
        run(tmp_path / "t", Teacher(), count=0)


@pytest.mark.parametrize("codec", ["head", "full"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_teacher_that_overflows_is_refused_in_a_line_and_nothing_of_it_is_kept(
    tmp_path: Path, codec: str, value: float
) -> None:
    def overflowing(rows: list[Row]) -> list[np.ndarray]:
        logits = Teacher()(rows)
        logits[-1][-1, 5] = value
        return logits

    with pytest.raises(DataError, match=r"logits are not finite.*set capture\.dtype bfloat16 or float32"):
        capture(make_rows(8), {str(tmp_path / "signal"): make(codec)}, HEADER, overflowing)
    assert not contents(tmp_path)


def test_progress_counts_rows(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    rows = make_rows(20)
    capture(
        rows,
        {str(tmp_path / "s"): make("head")},
        HEADER,
        Teacher(),
        rows_per_shard=8,
        progress=lambda *at: seen.append(at),
    )
    assert seen == [(8, 20), (16, 20), (20, 20)]


SCRIPT = """
import sys, time
from tests.teacher.test_capture import Teacher, run_all
from pathlib import Path
class Slow(Teacher):
    def __call__(self, rows):
        time.sleep(0.01)
        return super().__call__(rows)
print("ready", flush=True)
run_all(Path(sys.argv[1]), Slow(), count=400)
"""


def test_killed_ten_times_at_random_moments_all_stores_end_byte_identical(tmp_path: Path) -> None:
    run_all(tmp_path / "whole", Teacher(), count=400)
    chance = random.Random(0)
    root = Path(__file__).parents[2]
    for _ in range(10):
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path / "killed")],
            cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with process:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0, 0.2))
            process.send_signal(signal.SIGKILL)
    run_all(tmp_path / "killed", Teacher(), count=400)
    whole = contents(tmp_path / "whole")
    assert len(whole) == 3 * 51 + 1 and whole == contents(tmp_path / "killed")
