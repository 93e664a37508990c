import errno
import io
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray import storage
from kdray.errors import ConfigError, DataError, StorageError


def test_what_was_written_is_read(tmp_path):
    path = storage.join(tmp_path, "deep", "file.bin")
    storage.write_atomic(path, b"\x00abc")
    assert storage.read_bytes(path) == b"\x00abc"
    assert storage.read_bytes(f"file://{path}") == b"\x00abc"
    assert storage.list_files(tmp_path / "deep") == ["file.bin"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    storage.write_atomic(path, "old")
    with pytest.raises(RuntimeError), storage.open_atomic(path) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert storage.list_files(tmp_path) == ["file"]


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(DataError, match="none: no such file"):
        storage.read_bytes(tmp_path / "none")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(DataError, match=r"bad\.json: not JSON"):
        storage.read_json(tmp_path / "bad.json")
    assert storage.list_files(tmp_path / "nowhere") == []
    assert not storage.exists(tmp_path / "nowhere")


def test_an_unknown_file_system_is_one_clear_line():
    with pytest.raises(DataError, match="cannot open this storage"):
        storage.exists("nosuch://bucket/file")


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4))
def test_a_fingerprint_tells_parts_apart(left, right):
    assert (storage.fingerprint(*left) == storage.fingerprint(*right)) == (left == right)
    assert len(storage.fingerprint(*left)) == 16


@pytest.mark.parametrize(
    ("location", "remote"), [("s3://b/k", True), ("/a/b", False), ("a", False), ("file:///a", False)]
)
def test_remote_locations_are_known_by_their_scheme(location, remote):
    assert storage.is_uri(location) is remote


@pytest.mark.parametrize(
    ("location", "joined"),
    [
        ("s3://b/k?endpoint_override=127.0.0.1:9000", "s3://b/k/x/y?endpoint_override=127.0.0.1:9000"),
        ("s3://b/k/", "s3://b/k/x/y"),
        ("/a/b?c/", "/a/b?c/x/y"),
    ],
)
def test_parts_come_before_what_a_uri_says_of_its_endpoint(location, joined):
    assert storage.join(location, "x", "y") == joined


def test_a_files_stamp_changes_with_its_content(tmp_path):
    (tmp_path / "a").write_text("one")
    (tmp_path / "folder").mkdir()
    before = storage.file_stamps(tmp_path)
    (tmp_path / "a").write_text("three")
    assert list(before) == ["a"]
    assert storage.file_stamps(tmp_path) != before


class Endpoint:
    """Fails with each of `errors` in turn, then serves."""

    def __init__(self, *errors):
        self.errors, self.written = list(errors), {}

    def _fail(self):
        if self.errors:
            raise self.errors.pop(0)

    def open_input_stream(self, path, compression):
        self._fail()
        return io.BytesIO(b"there")

    def open_output_stream(self, path, compression):
        self._fail()
        stream = io.BytesIO()
        stream.close = lambda: self.written.__setitem__(path, stream.getvalue())
        return stream


@pytest.fixture
def behind(monkeypatch):
    """Puts an endpoint behind every URI, and takes the waits away; they are recorded."""
    waits = []
    monkeypatch.setattr(storage.time, "sleep", waits.append)

    def put(endpoint):
        monkeypatch.setattr(storage, "_filesystem", lambda location: (endpoint, location))
        return waits

    return put


def test_an_endpoint_that_is_away_is_asked_with_longer_and_longer_waits_until_it_is_back(behind):
    waits = behind(Endpoint(*[OSError("503 slow down")] * 10))
    assert storage.read_bytes("s3://bucket/file") == b"there"
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0]
    waits = behind(endpoint := Endpoint(*[OSError("503 slow down")] * 3))
    storage.write_atomic("s3://bucket/file", "whole")
    assert endpoint.written == {"s3://bucket/file": b"whole"}


def test_patience_ends_and_is_not_wasted_on_what_is_refused(behind, monkeypatch):
    monkeypatch.setenv(storage.PATIENCE, "0.01")
    waits = behind(Endpoint(OSError("503 slow down")))
    with pytest.raises(StorageError, match=r"s3://bucket/file: failed for 0\.01 s: 503 slow down"):
        storage.read_bytes("s3://bucket/file")
    monkeypatch.delenv(storage.PATIENCE)
    behind(Endpoint(OSError("AWS Error ACCESS_DENIED during HeadObject")))
    with pytest.raises(DataError, match="ACCESS_DENIED"):
        storage.read_bytes("s3://bucket/file")
    assert waits == []
    monkeypatch.setenv(storage.PATIENCE, "long")
    with pytest.raises(ConfigError, match="KDRAY_PATIENCE_S=long"):
        storage.read_bytes("s3://bucket/file")


def test_a_remote_write_that_fails_publishes_nothing(behind):
    behind(endpoint := Endpoint())
    with pytest.raises(RuntimeError), storage.open_atomic("s3://bucket/file") as stream:
        stream.write(b"half")
        raise RuntimeError
    assert endpoint.written == {}


def test_a_full_disk_is_one_line_that_names_the_folder_and_a_way_out(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(StorageError, match=r"no space left on this disk of .*: make room") as caught:
        storage.write_atomic(tmp_path / "file", "data")
    assert str(tmp_path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    with pytest.raises(StorageError, match="no space left"), storage.room(tmp_path):
        raise RuntimeError("PytorchStreamWriter failed writing file")
    monkeypatch.undo()
    with pytest.raises(RuntimeError, match="unrelated"), storage.room(tmp_path):
        raise RuntimeError("unrelated")


def test_a_password_in_a_uri_is_refused_and_not_repeated():
    with pytest.raises(ConfigError, match="holds no password") as caught:
        storage.exists("s3://key:s3cr3t@bucket/file")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("below", ["corpus.json", "sub/corpus.json"])
def test_a_file_in_place_of_a_folder_is_one_line(tmp_path, below):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(StorageError, match=r"out.*: cannot be made: a file is in its place"):
        storage.write_atomic(tmp_path / "out" / below, "x")
    assert (tmp_path / "out").read_text() == "mine"
