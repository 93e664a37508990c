"""Files behind a path or URI: open, list, write whole or not at all, hash.

Everything durable goes through `write_atomic`: a temporary name, then a rename, so that a file's presence
    means it is complete (object stores publish a whole object at close, which gives the same promise).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kdray.errors import DataError

_URI = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://")


def is_uri(location: str) -> bool:
    """Whether `location` names a remote file system (`s3://...`) rather than a local path."""
    return bool(_URI.match(location)) and not location.startswith("file://")


def join(location: str | Path, *parts: str) -> str:
    """`location/part/...` for a path or a URI; what follows a URI's `?` (an endpoint, say) stays at its end."""
    path, mark, query = str(location).partition("?") if is_uri(str(location)) else (str(location), "", "")
    return "/".join([path.rstrip("/"), *parts]) + mark + query


def _filesystem(location: str) -> tuple[Any, str]:
    """The pyarrow file system and the path inside it."""
    from pyarrow import fs

    if not is_uri(location):
        return fs.LocalFileSystem(), os.path.abspath(location.removeprefix("file://"))
    try:
        filesystem, path = fs.FileSystem.from_uri(location)
    except Exception as error:
        raise DataError(f"{location}: cannot open this storage: {error}") from error
    return filesystem, path


def exists(location: str | Path) -> bool:
    """Whether a file or folder is there."""
    from pyarrow import fs

    filesystem, path = _filesystem(str(location))
    return bool(filesystem.get_file_info(path).type != fs.FileType.NotFound)


def read_bytes(location: str | Path) -> bytes:
    """The whole file. Raises `DataError` where it is missing."""
    filesystem, path = _filesystem(str(location))
    try:
        with filesystem.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read())
    except FileNotFoundError as error:
        raise DataError(f"{location}: no such file") from error


def read_json(location: str | Path) -> Any:
    """The JSON value in a file. Raises `DataError` where it is missing or damaged."""
    try:
        return json.loads(read_bytes(location))
    except ValueError as error:
        raise DataError(f"{location}: not JSON: {error}") from error


def list_files(location: str | Path) -> list[str]:
    """The names of the files directly in a folder, sorted; empty where there is none."""
    from pyarrow import fs

    filesystem, path = _filesystem(str(location))
    selector = fs.FileSelector(path, allow_not_found=True)
    return sorted(
        info.base_name for info in filesystem.get_file_info(selector) if info.type == fs.FileType.File
    )


def file_stamps(location: str | Path) -> dict[str, str]:
    """Name of each file directly in a folder -> what changes with its content: size and time of change."""
    from pyarrow import fs

    filesystem, path = _filesystem(str(location))
    infos = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return {info.base_name: f"{info.size} {info.mtime_ns}" for info in infos if info.type == fs.FileType.File}


def list_folders(location: str | Path) -> list[str]:
    """The names of the folders directly in a folder, sorted; empty where there is none."""
    from pyarrow import fs

    filesystem, path = _filesystem(str(location))
    selector = fs.FileSelector(path, allow_not_found=True)
    return sorted(
        info.base_name for info in filesystem.get_file_info(selector) if info.type == fs.FileType.Directory
    )


@contextlib.contextmanager
def open_atomic(location: str | Path) -> Iterator[Any]:
    """A binary stream that becomes `location` only when the block ends without an error."""
    filesystem, path = _filesystem(str(location))
    if is_uri(str(location)):
        with filesystem.open_output_stream(path, compression=None) as stream:
            yield stream
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    try:
        with open(temporary, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def write_atomic(location: str | Path, data: bytes | str) -> None:
    """Writes a whole file or nothing."""
    with open_atomic(location) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)


def write_once(location: str | Path, data: bytes | str) -> None:
    """Writes a whole file unless it is there: of several writers at a time the first one's stays.

    An object store has no such promise: there the last one's stays.
    """
    if exists(location):
        return
    if is_uri(str(location)):
        write_atomic(location, data)
        return
    _, path = _filesystem(str(location))
    part = f"{path}.{uuid.uuid4().hex}.part"
    write_atomic(part, data)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        os.unlink(part)


def write_json(location: str | Path, value: Any) -> None:
    """Writes a JSON value, readable and with a stable order of keys."""
    write_atomic(location, json.dumps(value, indent=1, sort_keys=True) + "\n")


def fingerprint(*parts: bytes | str) -> str:
    """16 hex digits of SHA-256 over the parts, each framed by its length."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:16]


def sha256(data: bytes) -> str:
    """The 64 hex digits of SHA-256."""
    return hashlib.sha256(data).hexdigest()
