"""Folders of shards: written whole, resumed exactly, refused when damaged."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from kdray.errors import DataError
from kdray.tasks.row import Row
from kdray.teacher.codecs import make
from kdray.teacher.manifest import ShardHeader
from kdray.teacher.shards import ShardSource, ShardWriter
from kdray.teacher.verify import verify
from tests.teacher.conftest import HEADER, VOCAB, Build, make_logits, make_rows


def _equal(a: Row, b: Row) -> bool:
    return a.id == b.id and np.array_equal(a.input_ids, b.input_ids) and np.array_equal(a.labels, b.labels)


@pytest.mark.parametrize("encoder_decoder", [False, True])
def test_rows_come_back_in_the_order_asked_for(build: Build, tmp_path: Path, encoder_decoder: bool) -> None:
    rows = make_rows(20, encoder_decoder=encoder_decoder)
    build(rows=rows)
    source = ShardSource.open(str(tmp_path / "signal"))
    for numbers in ([0], [19, 3, 11, 4, 0, 12], list(range(20)), [5, 6, 7]):
        taken, signal = source.take(numbers)
        assert all(_equal(row, rows[number]) for row, number in zip(taken, numbers, strict=True))
        assert len(signal) == sum(rows[number].num_targets for number in numbers)
    assert source.lengths().tolist() == [len(row.input_ids) for row in rows]
    assert all(row.input_ids.dtype == row.labels.dtype == np.int32 for row in taken)


def test_the_signal_of_a_row_is_the_same_whatever_rows_come_with_it(build: Build, tmp_path: Path) -> None:
    build()
    source = ShardSource.open(str(tmp_path / "signal"))
    _, alone = source.take([13])
    rows, together = source.take([2, 13, 7])
    mine = slice(rows[0].num_targets, rows[0].num_targets + rows[1].num_targets)
    kept = alone.ids_NK.shape[1]
    np.testing.assert_array_equal(together.ids_NK[mine, :kept], alone.ids_NK)
    np.testing.assert_array_equal(together.logprobs_NK[mine, :kept], alone.logprobs_NK)
    np.testing.assert_array_equal(together.tail_lse_NG[mine], alone.tail_lse_NG)


def test_extra_columns_come_back_as_written(build: Build, tmp_path: Path) -> None:
    build()
    source = ShardSource.open(str(tmp_path / "signal"))
    assert source.column("kind") == [f"row {number:016x}" for number in range(20)]
    assert source.column("numbers") == [[1.5, 2.0]] * 20
    with pytest.raises(DataError, match="no column 'weather'"):
        source.column("weather")


def test_the_manifest_counts_rows_tokens_and_bytes(build: Build, tmp_path: Path) -> None:
    manifest = build()
    files = [tmp_path / "signal" / shard.name for shard in manifest.shards]
    assert [shard.rows for shard in manifest.shards] == [8, 8, 4]
    assert manifest.tokens == sum(row.num_targets for row in make_rows(20))
    assert manifest.bytes == sum(file.stat().st_size for file in files)
    assert (manifest.teacher, manifest.vocab, manifest.grid) == (
        HEADER.teacher,
        VOCAB,
        (0.125, 0.25, 0.5, 2.0),
    )


def test_a_folder_written_twice_or_in_another_order_has_the_same_bytes(build: Build, tmp_path: Path) -> None:
    build("one")
    rows = make_rows(20)
    writer = ShardWriter(str(tmp_path / "two"), make("head"), HEADER)
    writer.fit(rows[:8], make_logits(rows[:8], 0))
    for number in (2, 0, 1):
        part = rows[number * 8 : number * 8 + 8]
        extra = {"kind": [f"row {row.id}" for row in part], "numbers": [[1.5, 2.0]] * len(part)}
        ShardWriter(str(tmp_path / "two"), make("head"), HEADER).write(
            number, part, make_logits(part, number * 8), extra
        )
    writer.finish()
    names = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert names == sorted(file.name for file in (tmp_path / "two").iterdir())
    assert all(
        (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names
    )


def test_a_folder_without_a_manifest_is_not_finished(build: Build, tmp_path: Path) -> None:
    build()
    (tmp_path / "signal" / "manifest.json").unlink()
    with pytest.raises(DataError, match="its capture is not finished"):
        ShardSource.open(str(tmp_path / "signal"))
    with pytest.raises(DataError, match="no such folder"):
        ShardSource.open(str(tmp_path / "nowhere"))


def test_a_gap_in_the_shards_is_no_finish(tmp_path: Path) -> None:
    rows = make_rows(4)
    writer = ShardWriter(str(tmp_path / "s"), make("head"), HEADER)
    with pytest.raises(DataError, match=r"shard-00000.arrow is missing"):
        writer.finish()
    writer.write(1, rows, make_logits(rows))
    assert writer.has(1) and not writer.has(0)
    with pytest.raises(DataError, match=r"shard-00000.arrow is missing"):
        writer.finish()


@pytest.mark.parametrize("key", ["teacher", "tokenizer", "corpus"])
def test_a_changed_teacher_tokenizer_or_corpus_is_refused_under_the_same_name(
    build: Build, tmp_path: Path, key: str
) -> None:
    build()
    other = ShardHeader(**{**vars(HEADER), key: "another0another0"})
    with pytest.raises(DataError, match=f"already holds shards with {key} .*, not another0another0"):
        ShardWriter(str(tmp_path / "signal"), make("head"), other)
    with pytest.raises(DataError, match="codec_params"):
        ShardWriter(str(tmp_path / "signal"), make("head", k_max=5), HEADER)


def test_shards_of_another_tokenizer_or_teacher_are_refused_at_opening(build: Build, tmp_path: Path) -> None:
    build()
    location = str(tmp_path / "signal")
    ShardSource.open(location, tokenizer=HEADER.tokenizer, teacher=HEADER.teacher)
    with pytest.raises(DataError, match=f"made with tokenizer {HEADER.tokenizer}, this is tokenizer other"):
        ShardSource.open(location, tokenizer="other")
    with pytest.raises(DataError, match="made with teacher"):
        ShardSource.open(location, teacher="other")


def test_missing_and_truncated_shards_are_named_in_one_line(build: Build, tmp_path: Path) -> None:
    build()
    victim = tmp_path / "signal" / "shard-00001.arrow"
    data = victim.read_bytes()
    victim.write_bytes(data[:-5])
    with pytest.raises(DataError, match=r"shard-00001.arrow: has [\d,]+ bytes, the manifest says [\d,]+$"):
        ShardSource.open(str(tmp_path / "signal"))
    victim.write_bytes(b"")
    with pytest.raises(DataError, match=r"shard-00001.arrow: has 0 bytes"):
        ShardSource.open(str(tmp_path / "signal"))
    victim.unlink()
    with pytest.raises(DataError, match=r"shard-00001.arrow: missing"):
        ShardSource.open(str(tmp_path / "signal"))


def test_any_of_a_thousand_flipped_bytes_is_reported_by_verify_and_refused_by_training(
    build: Build, tmp_path: Path
) -> None:
    build("sound")
    shutil.copytree(tmp_path / "sound", tmp_path / "flipped")
    files = sorted((tmp_path / "flipped").iterdir())
    sizes = np.array([file.stat().st_size for file in files])
    rng = np.random.default_rng(0)
    for at in rng.integers(0, sizes.sum(), 1000):
        number = int(np.searchsorted(np.cumsum(sizes), at, side="right"))
        offset = int(at - sizes[:number].sum())
        data = bytearray(files[number].read_bytes())
        sound = bytes(data)
        data[offset] ^= int(rng.integers(1, 256))
        files[number].write_bytes(data)
        for read in (verify, ShardSource.open):  # the command, and what a trial opens
            with pytest.raises(DataError, match=re.escape(str(tmp_path / "flipped"))):
                read(str(tmp_path / "flipped"))
        files[number].write_bytes(sound)
    assert verify(str(tmp_path / "flipped")).manifest.rows == 20


def test_a_manifest_of_another_version_says_so(build: Build, tmp_path: Path) -> None:
    build()
    file = tmp_path / "signal" / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format_version": 99}))
    with pytest.raises(DataError, match="format version 99"):
        ShardSource.open(str(tmp_path / "signal"))


def test_a_wrong_number_of_logits_is_a_programming_error(tmp_path: Path) -> None:
    rows = make_rows(2)
    writer = ShardWriter(str(tmp_path / "s"), make("head"), HEADER)
    with pytest.raises(ValueError, match="one row of logits"):
        writer.write(0, rows, [logits[:-1] for logits in make_logits(rows)])
    with pytest.raises(ValueError, match=f"{VOCAB} columns"):
        writer.write(0, rows, make_logits(rows, vocab=VOCAB + 1))
