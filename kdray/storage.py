"""Files behind a path or URI: open, list, write whole or not at all, hash. What comes with the
package is read by its name too (`packaged`), and never written.

Everything durable goes through `write_atomic`: a temporary name, then a rename, so that a file's presence
means it is complete. An object store gives the same promise for what is handed over in one piece.

A URI's endpoint may be away for a while: whatever is asked of it is asked again, with waits that grow to 5 s,
until `$KDRAY_PATIENCE_S` (180 s) have passed since the first failure. What it refuses (a key, a bucket) is not.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import itertools
import json
import logging
import os
import re
import shutil
import socket
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from kdray.config.passwords import holds_password, without_password
from kdray.errors import ConfigError, DataError, StorageError
from kdray.packaged import is_named, located
from kdray.recorded import json_value

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

PATIENCE = "KDRAY_PATIENCE_S"
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
_PATIENCE_S = 180.0
_REFUSALS = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY_ID|INVALID_CLIENT_TOKEN_ID|SIGNATURE_DOES_NOT_MATCH|NO_SUCH_BUCKET"
    r"|UNRECOGNIZED_CLIENT|EXPIRED_TOKEN|[Pp]ermission ?[Dd]enied|Bucket '.*' not found"
)
"""What an endpoint says that will not be otherwise in a minute."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_COPIED_BYTES = 1 << 24
_SOME_BYTES = 2**20

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
        return fs.LocalFileSystem(), os.path.abspath(located(location).removeprefix("file://"))
    if holds_password(location):
        raise ConfigError(
            f"{without_password(location)}: a URI stands in trial files and reports, so it holds no password:"
            " take it from the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, say)"
        )
    try:
        filesystem, path = fs.FileSystem.from_uri(location)
    except OSError:  # it was asked already
        raise
    except Exception as error:
        raise DataError(f"{location}: cannot open this storage: {error}") from error
    return filesystem, path


def _check_writable(location: str | Path) -> None:
    if is_named(str(location)):
        raise ConfigError(f"{location}: what comes with kdray is only read: name another folder")


def patience_s() -> float:
    """How long a failing endpoint is asked: `$KDRAY_PATIENCE_S`, else 180. Raises `ConfigError`."""
    text = os.environ.get(PATIENCE)
    try:
        return _PATIENCE_S if text is None else float(text)
    except ValueError:
        raise ConfigError(f"{PATIENCE}={text}: not a number of seconds") from None


def _ask(location: str | Path, act: Callable[[Any, str], Answer]) -> Answer:
    """`act(filesystem, path)`; on a URI again while the endpoint fails. Raises `StorageError` at the end of
    patience.
    """
    if not is_uri(str(location)):
        return act(*_filesystem(str(location)))
    wait_s, patience, begin = FIRST_WAIT_S, patience_s(), time.monotonic()
    while True:
        try:
            return act(*_filesystem(str(location)))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise
        except OSError as error:
            reason = " ".join(str(error).split())
            if _REFUSALS.search(reason):
                raise DataError(f"{location}: {reason}") from error
            if time.monotonic() - begin + wait_s > patience:
                raise StorageError(f"{location}: failed for {patience:g} s: {reason}") from error
            if wait_s == FIRST_WAIT_S:
                log.warning("%s: %s; asking again for %.0f s", location, reason, patience)
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def patiently(location: str, act: Callable[[], Answer]) -> Answer:
    """`act()`; on a URI again as long as it raises `OSError`. Raises `StorageError` at the end of patience."""
    return _ask(location, lambda files, path: act())


@contextlib.contextmanager
def room(folder: str | Path) -> Iterator[None]:
    """Turns the many errors of a disk without room into one `StorageError` that says what to do."""
    try:
        yield
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in _FULL
        # torch says no more than that a write failed.
        if isinstance(error, (OSError, RuntimeError)) and not full and os.path.isdir(folder):
            full = shutil.disk_usage(folder).free < _SOME_BYTES
        if not full:
            raise
        raise StorageError(
            f"{folder}: no space left on this disk of {socket.gethostname()}: make room, or name another"
            " folder (storage, $KDRAY_CACHE or $TMPDIR)"
        ) from error


def exists(location: str | Path) -> bool:
    """Whether a file or folder is there."""
    from pyarrow import fs

    return _ask(location, lambda files, path: bool(files.get_file_info(path).type != fs.FileType.NotFound))


def read_bytes(location: str | Path) -> bytes:
    """The whole file. Raises `DataError` where it is missing."""

    def read(files: Any, path: str) -> bytes:
        with files.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read())

    check_file(location)
    try:
        return _ask(location, read)
    except FileNotFoundError as error:
        raise DataError(f"{location}: no such file") from error


def open_bytes(location: str | Path) -> Any:
    """A binary stream of a whole file that can be sought: a local one itself, of another its bytes, held.

    Raises `DataError` where it is missing.
    """
    if is_uri(str(location)):
        return io.BytesIO(read_bytes(location))
    check_file(location)
    try:
        return open(located(str(location)).removeprefix("file://"), "rb")
    except FileNotFoundError as error:
        raise DataError(f"{location}: no such file") from error


def check_file(location: str | Path) -> None:
    """Raises `DataError` where a pipe, a device or a folder is in the place of a local file: some never end."""
    if is_uri(str(location)):
        return
    path = located(str(location)).removeprefix("file://")
    with contextlib.suppress(OSError, ValueError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise DataError(f"{location}: not a file")


def read_json(location: str | Path) -> Any:
    """The JSON value in a file. Raises `DataError` where it is missing or damaged."""
    return json_value(read_bytes(location), str(location))


def _listed(location: str | Path, recursive: bool = False) -> list[Any]:
    """What is in a folder, as pyarrow describes it; empty where there is none."""
    from pyarrow import fs

    return _ask(
        location,
        lambda files, path: list(
            files.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=recursive))
        ),
    )


def list_files(location: str | Path) -> list[str]:
    """The names of the files directly in a folder, sorted; empty where there is none."""
    return sorted(info.base_name for info in _listed(location) if info.is_file)


def file_stamps(location: str | Path) -> dict[str, str]:
    """Name of each file directly in a folder -> what changes with its content: size and time of change."""
    return {info.base_name: f"{info.size} {info.mtime_ns}" for info in _listed(location) if info.is_file}


def list_folders(location: str | Path) -> list[str]:
    """The names of the folders directly in a folder, sorted; empty where there is none."""
    from pyarrow import fs

    return sorted(info.base_name for info in _listed(location) if info.type == fs.FileType.Directory)


def download(location: str, folder: Path) -> None:
    """Copies every file below `location` into `folder`. Raises `StorageError` where the disk is full."""
    root = _ask(location, lambda files, path: path).rstrip("/")
    for info in _listed(location, recursive=True):
        if info.is_file:
            parts = info.path.removeprefix(root).strip("/").split("/")
            write_atomic(folder.joinpath(*parts), read_bytes(join(location, *parts)))


def upload(folder: Path, location: str) -> None:
    """Copies every file below `folder` to `location`, each whole."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            with (
                file.open("rb") as source,
                open_atomic(join(location, *file.relative_to(folder).parts)) as target,
            ):
                shutil.copyfileobj(source, target, _COPIED_BYTES)


def delete(location: str | Path) -> None:
    """Removes a file, or a folder with all that is in it; nothing where there is none."""
    from pyarrow import fs

    _check_writable(location)

    def remove(files: Any, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            if files.get_file_info(path).type == fs.FileType.Directory:
                files.delete_dir(path)
            else:
                files.delete_file(path)

    _ask(location, remove)


def free_place(location: str | Path) -> str:
    """A name beside a file or folder that is to be kept under another one, and that nothing has."""
    return next(
        place
        for place in (f"{location}.aside-{number}" for number in itertools.count(1))
        if not exists(place)
    )


def set_aside(location: str | Path) -> str:
    """Renames a file or folder out of the way and keeps it; its new place beside the old one."""
    _check_writable(location)
    place = free_place(location)
    if not is_uri(str(location)):
        os.rename(str(location).removeprefix("file://"), place.removeprefix("file://"))
        return place
    root = _ask(location, lambda files, path: path).rstrip("/")
    for info in _listed(location, recursive=True):  # nothing behind a URI can be renamed as a whole
        if info.is_file:
            parts = info.path.removeprefix(root).strip("/").split("/")
            write_atomic(join(place, *parts), read_bytes(join(location, *parts)))
    delete(location)
    return place


@contextlib.contextmanager
def open_atomic(location: str | Path) -> Iterator[Any]:
    """A binary stream that becomes `location` only when the block ends without an error.

    Raises:
        ConfigError: `location` is a packaged thing's name.
        StorageError: the disk is full, a file is in the place of a folder, or the endpoint does not answer.
    """
    _check_writable(location)
    if is_uri(str(location)):
        # A remote stream would be published at its end also where the block fails, half written.
        whole = io.BytesIO()
        yield whole
        _ask(location, lambda files, path: _put(files, path, whole.getbuffer()))
        return
    path = os.path.abspath(str(location).removeprefix("file://"))
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    try:
        with room(os.path.dirname(path)):
            _make_folder(os.path.dirname(path))
            with open(temporary, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(temporary)


def _make_folder(path: str) -> None:
    """Raises `StorageError` where a file stands in its place, or in that of one above it."""
    try:
        os.makedirs(path, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise StorageError(
            f"{path}: cannot be made: a file is in its place, or in that of a folder above"
        ) from error


def _put(files: Any, path: str, data: memoryview) -> None:
    with files.open_output_stream(path, compression=None) as stream:
        stream.write(data)


def write_atomic(location: str | Path, data: bytes | str) -> None:
    """Writes a whole file or nothing."""
    with open_atomic(location) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)


def write_once(location: str | Path, data: bytes | str) -> None:
    """Writes a whole file unless it is there: of several writers at a time the first one's stays.

    An object store has no such promise: there the last one's stays.
    """
    _check_writable(location)
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


def sha256(data: bytes | memoryview) -> str:
    """The 64 hex digits of SHA-256."""
    return hashlib.sha256(data).hexdigest()
