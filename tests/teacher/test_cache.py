"""Remote files on the node's disk: verified, retried, shared, bounded."""

import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from kdray import storage
from kdray.errors import DataError, StorageError
from kdray.teacher import cache, manifest
from kdray.teacher.shards import ShardSource
from tests.teacher.conftest import Build


class Endpoint:
    """Files of a local folder under `s3://bucket`; every n-th request fails."""

    def __init__(self, root: Path, fail_every: int = 0) -> None:
        self.root, self.fail_every, self.requests, self.served = root, fail_every, 0, 0

    def open_input_stream(self, path: str, compression: None) -> BinaryIO:
        self.requests += 1
        if self.fail_every and self.requests % self.fail_every == 0:
            raise OSError("503 slow down")
        self.served += 1
        return open(self.root / path, "rb")


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    monkeypatch.setenv(cache.FOLDER, str(tmp_path / "cache"))
    monkeypatch.setattr(storage, "FIRST_WAIT_S", 0.0)
    monkeypatch.setattr(storage, "LONGEST_WAIT_S", 0.0)
    made, local = Endpoint(tmp_path), storage._filesystem

    def remote(location: str) -> tuple[Any, str]:
        return (made, location[len("s3://bucket/") :]) if storage.is_uri(location) else local(location)

    monkeypatch.setattr(storage, "_filesystem", remote)
    return made


def _file(root: Path, name: str, data: bytes) -> tuple[str, int, str]:
    (root / name).write_bytes(data)
    return f"s3://bucket/{name}", len(data), hashlib.sha256(data).hexdigest()


def _kept() -> list[str]:
    return sorted(file.name for file in cache.folder().iterdir() if file.name != cache.MARK)


def test_a_file_is_fetched_once(tmp_path: Path, endpoint: Endpoint) -> None:
    file = _file(tmp_path, "a", b"some bytes")
    first, second = cache.fetch([file]), cache.fetch([file])
    assert first == second and first[0].read_bytes() == b"some bytes"
    assert endpoint.served == 1


def test_a_failing_endpoint_is_asked_again_and_given_up_in_the_end(
    tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(tmp_path, "a", b"some bytes")
    endpoint.fail_every = 2
    endpoint.requests = 1
    assert cache.fetch([file])[0].read_bytes() == b"some bytes"
    endpoint.fail_every = 1
    monkeypatch.setenv(storage.PATIENCE, "0.2")
    with pytest.raises(StorageError, match=r"s3://bucket/b: failed for 0\.2 s: 503 slow down"):
        cache.fetch([_file(tmp_path, "b", b"others")])


def test_what_arrives_changed_or_truncated_is_refused(tmp_path: Path, endpoint: Endpoint) -> None:
    location, size, sha256 = _file(tmp_path, "a", b"some bytes")
    (tmp_path / "a").write_bytes(b"sAme bytes")
    with pytest.raises(DataError, match="s3://bucket/a: changed since it was written"):
        cache.fetch([(location, size, sha256)])
    (tmp_path / "a").write_bytes(b"some")
    with pytest.raises(DataError, match="has 4 bytes, the manifest says 10"):
        cache.fetch([(location, size, sha256)])
    (tmp_path / "a").unlink()
    with pytest.raises(DataError, match="no such file"):
        cache.fetch([(location, size, sha256)])


def test_a_cached_file_that_was_damaged_is_fetched_again(tmp_path: Path, endpoint: Endpoint) -> None:
    file = _file(tmp_path, "a", b"some bytes")
    cache.fetch([file])[0].write_bytes(b"sAme bytes")
    assert cache.fetch([file])[0].read_bytes() == b"some bytes"


def test_the_least_recently_used_goes_first_and_never_what_is_used_now(
    tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.LIMIT, "25")
    old, young, new = (_file(tmp_path, name, name.encode() * 10) for name in "abc")
    cache.fetch([old])
    path = cache.fetch([young])[0]
    assert len(_kept()) == 2
    os.utime(cache.folder() / old[2], (1, 1))
    cache.fetch([new])
    assert _kept() == sorted([path.name, new[2]])
    with pytest.raises(DataError, match="30 bytes, the cache holds 25: raise KDRAY_CACHE_BYTES"):
        cache.fetch([old, young, new])


def test_remote_shards_are_the_local_ones(build: Build, tmp_path: Path, endpoint: Endpoint) -> None:
    build()
    local = ShardSource.open(str(tmp_path / "signal"))
    endpoint.fail_every = 5
    remote = ShardSource.open("s3://bucket/signal")
    numbers = [3, 19, 0, 8]
    (rows, signal), (other_rows, other) = local.take(numbers), remote.take(numbers)
    assert [row.id for row in rows] == [row.id for row in other_rows]
    assert (signal.logprobs_NK == other.logprobs_NK).all() and (signal.ids_NK == other.ids_NK).all()
    assert manifest.read("s3://bucket/signal") == local.manifest
    served = endpoint.served
    ShardSource.open("s3://bucket/signal")
    assert endpoint.served == served + 1  # the manifest


def test_a_remote_folder_is_copied_once_and_again_when_it_changes(
    tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamps = {"config.json": "1 7", "weights": "3 8"}
    monkeypatch.setattr(storage, "file_stamps", lambda location: stamps)
    (tmp_path / "teacher").mkdir()
    (tmp_path / "teacher" / "config.json").write_text("{}")
    (tmp_path / "teacher" / "weights").write_text("abc")
    endpoint.fail_every = 2
    first = cache.local_folder("s3://bucket/teacher")
    assert sorted(file.name for file in Path(first).iterdir()) == ["config.json", "weights"]
    assert cache.local_folder("s3://bucket/teacher") == first and endpoint.served == 2
    stamps["weights"] = "3 9"
    assert cache.local_folder("s3://bucket/teacher") != first and endpoint.served == 4
    assert cache.local_folder(str(tmp_path)) == str(tmp_path)
    stamps.clear()
    with pytest.raises(DataError, match="s3://bucket/none: no such folder"):
        cache.local_folder("s3://bucket/none")


def test_a_folder_makes_room_too(tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "file_stamps", lambda location: {"weights": "10 1"})
    (tmp_path / "teacher").mkdir()
    (tmp_path / "teacher" / "weights").write_text("0123456789")
    folder = Path(cache.local_folder("s3://bucket/teacher"))
    os.utime(folder, (1, 1))
    monkeypatch.setenv(cache.LIMIT, "15")
    cache.fetch([_file(tmp_path, "a", b"0123456789")])
    assert not folder.exists()


def test_nothing_is_kept_in_or_deleted_from_a_folder_that_is_not_kdrays(
    tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "documents"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")
    monkeypatch.setenv("KDRAY_CACHE", str(home))
    with pytest.raises(DataError, match=r"documents: is no cache of kdray's \(it holds thesis.txt\)"):
        cache.fetch([_file(tmp_path, "a", b"x" * 100)])
    assert [entry.name for entry in home.iterdir()] == ["thesis.txt"]


def test_what_somebody_put_into_a_cache_stays_when_room_is_made(
    tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KDRAY_CACHE_BYTES", "150")
    cache.fetch([_file(tmp_path, "a", b"a" * 100)])
    (cache.folder() / "notes.txt").write_text("n" * 1000)
    cache.fetch([_file(tmp_path, "b", b"b" * 100)])
    names = {entry.name for entry in cache.folder().iterdir()}
    assert {"notes.txt", cache.MARK} < names and len(names) == 3
