"""Crafted shards are refused in a line, without a crash and without the room that they ask for."""

import json
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kdray.errors import DataError
from kdray.storage import sha256
from kdray.teacher import manifest as manifests
from kdray.teacher import record_batch, shards
from kdray.teacher.codec import Packed
from kdray.teacher.shards import ShardSource
from kdray.teacher.verify import verify
from tests.teacher.conftest import Build
from tests.teacher.crafted import sealed, with_columns, with_offsets


def beyond(offsets):
    offsets[1:] += 500_000_000


def before(offsets):
    offsets[0] = -100_000_000


def falling(offsets):
    offsets[1], offsets[2] = offsets[2] + 1, offsets[1]


@pytest.mark.parametrize("column", ["id", "input_ids", "labels", "mask", "signal.record", "signal.rises"])
@pytest.mark.parametrize("change", [beyond, before, falling])
def test_offsets_that_lead_out_of_the_file_are_refused(build: Build, tmp_path, column, change):
    build()
    with_offsets(tmp_path / "signal", column, change)
    with pytest.raises(DataError, match=r"shard-00000\.arrow: damaged: "):
        verify(str(tmp_path / "signal"))


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_compressed_body_is_refused_before_it_takes_room(build: Build, tmp_path, compression):
    build()

    def bomb(columns):
        columns["extra.x"] = pa.array(["\0" * (64 << 20)] + [""] * 7)

    with_columns(tmp_path / "signal", bomb, compression=compression)
    before = pa.default_memory_pool().max_memory()
    with pytest.raises(DataError, match="its body is compressed"):
        ShardSource.open(str(tmp_path / "signal"))
    assert pa.default_memory_pool().max_memory() == before


def changed(name, values):
    def change(columns):
        columns[name] = values(columns[name])

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (changed("length", lambda c: pa.array([2_000_000_000, *c.to_pylist()[1:]], pa.int32())), "length"),
        (changed("length", lambda c: pa.array([-5, *c.to_pylist()[1:]], pa.int32())), "length"),
        (changed("length", lambda c: pa.array([None, *c.to_pylist()[1:]], pa.int32())), "empty places"),
        (changed("length", lambda c: pa.array(c.to_pylist(), pa.int64())), "of type int64"),
        (changed("mask", lambda c: pa.array([b"\xff" * len(m) for m in c.to_pylist()])), "disagree"),
        (changed("labels", lambda c: pa.array([[60_000] * len(r) for r in c.to_pylist()], c.type)), "vocab"),
        (changed("signal.record", lambda c: pa.array([None] * len(c), c.type)), "empty places"),
        (lambda columns: columns.pop("signal.tags"), "no column signal.tags"),
    ],
)
def test_numbers_that_the_bytes_do_not_bear_out_are_refused_before_anything_is_made_of_them(
    build: Build, tmp_path, change, says
):
    build()
    with_columns(tmp_path / "signal", change)
    tracemalloc.start()
    with pytest.raises(DataError, match=rf"shard-00000\.arrow: damaged: .*{says}"):
        ShardSource.open(str(tmp_path / "signal"))
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "change",
    [
        lambda m: replace(m, header=replace(m.header, vocab=10**12)),
        lambda m: replace(m, header=replace(m.header, vocab=0)),
        lambda m: replace(m, header=replace(m.header, task=7)),
        lambda m: replace(m, shards=(replace(m.shards[0], name="../../other"), *m.shards[1:])),
        lambda m: replace(m, shards=(replace(m.shards[0], rows=-5), *m.shards[1:])),
        lambda m: replace(m, shards=(replace(m.shards[0], tokens=10**400), *m.shards[1:])),
        lambda m: replace(m, state=replace(m.state, name="/etc/hostname")),
        lambda m: replace(m, shards=()),
        lambda m: replace(m, codec_params={**m.codec_params, "k_max": 10**9}),
        lambda m: replace(m, codec_params={**m.codec_params, "k_max": "x"}),
    ],
)
def test_a_manifest_that_was_sealed_over_nonsense_is_one_line(build: Build, tmp_path, change):
    manifest = build()
    with pytest.MonkeyPatch.context() as patch:  # the writer's own checks
        patch.setattr(manifests.Manifest, "grid", ())
        (tmp_path / "signal" / manifests.FILE).write_bytes(manifests.dump(change(manifest)))
    with pytest.raises(DataError, match=str(tmp_path / "signal")):
        ShardSource.open(str(tmp_path / "signal"))


@pytest.mark.parametrize("text", ["[" * 200_000, "[]", "{", '{"format_version": 1, "checksum": ""}', ""])
def test_what_is_no_manifest_is_one_line(build: Build, tmp_path, text):
    build()
    (tmp_path / "signal" / manifests.FILE).write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json: damaged"):
        ShardSource.open(str(tmp_path / "signal"))


@pytest.mark.parametrize(
    "arrays", [["zz", [1]], ["<f4", [10**9]], ["|O", [1]], "x", None, ["<f4", [1, 1, 1]]]
)
def test_a_state_of_another_shape_is_refused(build: Build, tmp_path, arrays):
    manifest = build()
    path = tmp_path / "signal" / "state.arrow"
    batch = pa.ipc.open_file(pa.py_buffer(path.read_bytes())).get_batch(0)
    about = json.loads(batch.schema.metadata[b"kdray"])
    about["arrays"]["ranks.order"] = arrays
    path.write_bytes(record_batch.to_bytes(dict(zip(batch.schema.names, batch.columns, strict=True)), about))
    data = path.read_bytes()
    state = replace(manifest.state, bytes=len(data), sha256=sha256(data))
    sealed(tmp_path / "signal", replace(manifest, state=state))
    with pytest.raises(DataError, match=r"state\.arrow: damaged"):
        ShardSource.open(str(tmp_path / "signal"))


def test_what_is_no_file_is_refused_instead_of_read_without_end(build: Build, tmp_path: Path) -> None:
    build()
    for name in ("shard-00000.arrow", manifests.FILE):
        path = tmp_path / "signal" / name
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(DataError, match=rf"{name}: not a file"):
            ShardSource.open(str(tmp_path / "signal"))
        path.unlink()
        path.symlink_to("/dev/zero")
        with pytest.raises(DataError, match=rf"{name}: not a file"):
            ShardSource.open(str(tmp_path / "signal"))


def test_a_file_is_looked_through_once_a_process(build: Build, tmp_path, monkeypatch):
    build()
    ShardSource.open(str(tmp_path / "signal"))
    monkeypatch.setattr(shards, "check_rows", lambda *args: pytest.fail("again"))
    ShardSource.open(str(tmp_path / "signal"))


def test_fields_beyond_two_and_four_gigabytes_keep_their_places():
    rows, per = 512, 47 * 2 * 100_352
    data = np.zeros(rows * per, np.uint8)  # pages that nobody touches
    field = Packed(data, np.arange(rows + 1, dtype=np.int64) * per)
    array = record_batch.binary(field)
    array.validate(full=True)
    back = record_batch.packed(array)
    assert back.data.size == rows * per
    assert (back.offsets_R == field.offsets_R).all()


def test_a_folder_with_large_columns_is_read_like_any_other(build: Build, tmp_path, monkeypatch):
    build("usual")
    monkeypatch.setattr(record_batch, "MOST", 10)
    build("large")
    usual, large = (ShardSource.open(str(tmp_path / name)) for name in ("usual", "large"))
    assert pa.types.is_large_binary(large._batches[0].column("signal.record").type)
    assert usual.lengths().tolist() == large.lengths().tolist()
    numbers = [19, 3, 11, 4, 0, 12]
    for one, other in zip(usual.take(numbers)[0], large.take(numbers)[0], strict=True):
        assert one.input_ids.tolist() == other.input_ids.tolist()
        assert one.labels.tolist() == other.labels.tolist()
    np.testing.assert_array_equal(usual.take(numbers)[1].logprobs_NK, large.take(numbers)[1].logprobs_NK)


def test_a_file_that_ends_before_its_rows_is_refused(build: Build, tmp_path):
    manifest = build()
    path = tmp_path / "signal" / "shard-00000.arrow"
    path.write_bytes(b"ARROW1\0\0" + b"\xff\xff\xff\xff\0\0\0\0")
    sealed(tmp_path / "signal", manifest)
    with pytest.raises(DataError, match="damaged: not one record batch"):
        ShardSource.open(str(tmp_path / "signal"))
