import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray import storage
from kdray.errors import DataError


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
