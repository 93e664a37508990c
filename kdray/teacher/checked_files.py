"""The files of a finished folder, checked before anything in them is believed.

Local files are memory-mapped in place; remote ones come through the node's cache. A local file is hashed once
per process and content: again when its time of change is another.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from kdray import storage
from kdray.errors import DataError
from kdray.teacher import cache
from kdray.teacher.manifest import ShardInfo

_SOUND: set[tuple[str, int, ShardInfo]] = set()
"""Local files that this process has hashed, with the time of their last change."""


def read(folder: str, infos: Sequence[ShardInfo]) -> list[memoryview]:
    """The bytes of files of a folder, in the order given.

    Raises:
        DataError: one is missing, truncated or changed, or its endpoint does not answer; one line.
    """
    if not storage.is_uri(folder):
        return [_checked(storage.join(folder, info.name), info) for info in infos]
    wanted = [(storage.join(folder, info.name), info.bytes, info.sha256) for info in infos]
    try:
        return [_mapped(path) for path in cache.fetch(wanted)]
    except FileNotFoundError:  # another process made room before they were mapped
        return [_mapped(path) for path in cache.fetch(wanted)]


def whole(location: str) -> memoryview:
    """The bytes of one file, which nobody has checked yet. Raises `DataError` where it is missing."""
    if storage.is_uri(location):
        return memoryview(storage.read_bytes(location))
    storage.check_file(location)
    try:
        return _mapped(Path(location.removeprefix("file://")))
    except FileNotFoundError:
        raise DataError(f"{location}: no such file") from None


def _checked(location: str, info: ShardInfo) -> memoryview:
    path = Path(location.removeprefix("file://"))
    storage.check_file(location)
    try:
        stamp, data = path.stat().st_mtime_ns, _mapped(path)
    except FileNotFoundError:
        raise DataError(f"{location}: missing, the manifest names it") from None
    if len(data) != info.bytes:
        raise DataError(f"{location}: has {len(data):,} bytes, the manifest says {info.bytes:,}")
    if (location, stamp, info) not in _SOUND:
        if hashlib.sha256(data).hexdigest() != info.sha256:
            raise DataError(f"{location}: changed since it was written (SHA-256 differs from the manifest)")
        _SOUND.add((location, stamp, info))
    return data


def _mapped(path: Path) -> memoryview:
    # An empty file cannot be mapped.
    return memoryview(pa.memory_map(str(path)).read_buffer() if os.path.getsize(path) else b"")
