"""Remote files on the node's own disk: fetched once, verified on arrival, shared by its trials.

A file is kept under its SHA-256, so that any number of processes and sweeps share it and nothing stale is
ever read. It appears by a rename: who finds it finds it whole. Beyond `KDRAY_CACHE_BYTES` the least recently
used files go; a process that has one of them mapped keeps its bytes until it lets go. A node whose disk is full
raises `StorageError`: a trial is then better off elsewhere. Nothing is kept, and so nothing deleted, in a folder
that is not a cache of kdray's: it marks those that it makes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kdray import storage
from kdray.errors import DataError
from kdray.packaged import located

FOLDER = "KDRAY_CACHE"
LIMIT = "KDRAY_CACHE_BYTES"
MARK = ".kdray-cache"
"""Stands in a folder that kdray may delete from."""
_OURS = re.compile(r"([0-9a-f]{64}|[0-9a-f]{16}|\.kdray-cache)(\.[0-9a-f]{32}\.tmp)?")
"""Names of files by content, of copied folders, and of those on their way."""
_THREADS = 8
_DEFAULT_LIMIT = 50 * 10**9


def folder() -> Path:
    """Where this node keeps what it fetched: `$KDRAY_CACHE`, else `~/.cache/kdray`."""
    return Path(os.environ.get(FOLDER) or Path.home() / ".cache" / "kdray")


def own_folder() -> Path:
    """The same, marked as kdray's. Raises `DataError` where it holds what kdray did not put there."""
    path = folder()
    if not (path / MARK).exists():
        entries = path.iterdir() if path.is_dir() else iter(())
        foreign = [entry.name for entry in entries if not _OURS.fullmatch(entry.name)]
        if foreign and not (path / MARK).exists():
            raise DataError(
                f"{path}: is no cache of kdray's (it holds {foreign[0]}), and a cache deletes: set {FOLDER} to a"
                " folder of its own"
            )
        storage.write_atomic(path / MARK, b"kdray deletes what it keeps here\n")
    return path


def limit_bytes() -> int:
    """How much it may hold: `$KDRAY_CACHE_BYTES`, else 50 GB. Raises `DataError` for what is no number."""
    text = os.environ.get(LIMIT)
    if text is None:
        return _DEFAULT_LIMIT
    if not text.isdigit():
        raise DataError(f"{LIMIT}={text}: not a number of bytes")
    return int(text)


def fetch(files: Sequence[tuple[str, int, str]]) -> list[Path]:
    """Local copies of remote files, several at a time.

    Args:
        files: location, size in bytes and SHA-256 of each.

    Raises:
        DataError: missing, other content than promised, or more than the cache holds.
        StorageError: the endpoint does not answer, or the disk is full.
    """
    wanted, limit = sum(size for _, size, _ in files), limit_bytes()
    if wanted > limit:
        raise DataError(
            f"{files[0][0]} and others: {wanted:,} bytes, the cache holds {limit:,}: raise {LIMIT}"
        )
    own_folder()
    with ThreadPoolExecutor(_THREADS) as pool:
        paths = list(pool.map(lambda file: _fetch(*file), files))
    _evict(limit, keep={path.name for path in paths})
    return paths


def _fetch(location: str, size: int, sha256: str) -> Path:
    path = folder() / sha256
    if path.exists() and path.stat().st_size == size and _sha256(path) == sha256:
        os.utime(path)  # used now: goes last
        return path
    data = storage.read_bytes(location)
    if len(data) != size:
        raise DataError(f"{location}: has {len(data):,} bytes, the manifest says {size:,}")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataError(f"{location}: changed since it was written (SHA-256 differs from the manifest)")
    storage.write_atomic(path, data)
    return path


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def local_folder(location: str) -> str:
    """The folder itself where it is local or packaged, else a copy of the files directly in it as they are now.

    Raises:
        ConfigError: no packaged teacher of that name.
        DataError: there is none.
        StorageError: its endpoint does not answer, or the disk is full.
    """
    if not storage.is_uri(location):
        return located(location)
    stamps = storage.file_stamps(location)
    if not stamps:
        raise DataError(f"{location}: no such folder")
    path = own_folder() / storage.fingerprint(
        location, *(f"{name} {stamps[name]}" for name in sorted(stamps))
    )
    if path.exists():
        os.utime(path)
    else:
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
        for name in stamps:
            storage.write_atomic(part / name, storage.read_bytes(storage.join(location, name)))
        with contextlib.suppress(OSError):  # another process was faster
            part.rename(path)
        shutil.rmtree(part, ignore_errors=True)
    _evict(limit_bytes(), keep={path.name})
    return str(path)


def _evict(limit: int, keep: set[str]) -> None:
    """Removes what was used longest ago until the limit holds; never what is being used now."""
    entries = []
    for path in filter(_may_go, folder().iterdir()):
        with contextlib.suppress(FileNotFoundError):
            files = path.iterdir() if path.is_dir() else [path]
            entries.append((path.stat().st_mtime, sum(file.stat().st_size for file in files), path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= limit:
            break
        if path.name not in keep:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            total -= size


def _may_go(entry: Path) -> bool:
    return entry.name != MARK and _OURS.fullmatch(entry.name) is not None
