"""Lines of files as they are published: plain or packed (gzip, zstd, xz, bzip2), each with its number.

A packed file is read as a stream and up to a size, and a line up to a length: what a few kilobytes claim to hold
is not believed.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from kdray.corpus.decode import is_text, mark_of
from kdray.corpus.left_out import LeftOut
from kdray.errors import DataError

MAX_BYTES = 64 * 2**30
"""Of a file, unpacked."""
MAX_LINE_BYTES = 64 * 2**20
PACKED = {
    ".gz": b"\x1f\x8b",
    ".zst": b"\x28\xb5\x2f\xfd",
    ".xz": b"\xfd7zXZ\x00",
    ".bz2": b"BZh",
}
"""Ending -> how such a file begins."""
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, UnicodeError)


def bare_name(path: Path) -> str:
    """A file's name without the ending of its packing."""
    return path.name.removesuffix(path.suffix) if path.suffix in PACKED else path.name


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked. Raises `DataError` for what cannot be read, also while it is read."""
    try:
        with path.open("rb") as raw:
            head = raw.read(8)
        packing = next((end for end, magic in PACKED.items() if head.startswith(magic)), path.suffix)
        with _opener(packing)(path) as stream:
            yield stream
    except _DAMAGE as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _opener(packing: str) -> Any:
    if packing == ".zst":
        return _zstd
    return {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}.get(packing, lambda path: path.open("rb"))


def _zstd(path: Path) -> Any:
    import pyarrow as pa

    return io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"))


def byte_lines(path: Path, left_out: LeftOut) -> Iterator[tuple[int, bytes]]:
    """The number and the bytes of each line that is not empty; of UTF-16 and UTF-32 with a mark, as UTF-8.

    Raises:
        DataError: for what cannot be read; the lines before it have been given by then.
    """
    with unpacked(path) as packed:
        stream, read = _as_utf8(packed), 0
        for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE_BYTES), b""), 1):
            read += len(line)
            if len(line) >= MAX_LINE_BYTES and not line.endswith(b"\n"):
                left_out.add(f"longer than {MAX_LINE_BYTES:,} bytes", f"{path}: line {number}")
                while len(more := stream.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
                    read = _checked(path, read + len(more))
            elif line.strip():
                yield number, line
            _checked(path, read)


def head_of(path: Path, size: int) -> bytes:
    """How a file begins, unpacked; of one that breaks off, what stands before. Raises `DataError` for nothing."""
    head = b""
    with unpacked(path) as stream:
        while len(head) < size:
            try:
                more = stream.read1(size - len(head))  # type: ignore[attr-defined]
            except _DAMAGE:
                if not head:
                    raise
                break
            if not more:
                break
            head += more
    return head


def whole(path: Path, limit: int) -> bytes:
    """All bytes of a file. Raises `DataError` for what cannot be read or is larger than `limit`."""
    with unpacked(path) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise DataError(f"{path}: cannot be read: more than {limit:,} bytes in one piece")
    return data


def _checked(path: Path, read: int) -> int:
    if read > MAX_BYTES:
        raise DataError(f"{path}: cannot be read: more than {MAX_BYTES:,} bytes, unpacked")
    return read


def _as_utf8(stream: Any) -> Any:
    head = stream.peek(4)[:4]
    mark = mark_of(head)
    if mark == "utf-8-sig":
        stream.read(3)
    return _Recoded(stream, mark) if mark.startswith(("utf-16", "utf-32")) else stream


class _Recoded:
    """Lines of another encoding as UTF-8."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._text = io.TextIOWrapper(stream, encoding, newline="\n")

    def readline(self, limit: int) -> bytes:
        return self._text.readline(limit).encode("utf-8", "surrogatepass")


def parsed(data: bytes) -> Any:
    """JSON in UTF-8 or as a byte order mark says. Raises `DataError` for what is none, or nests too deeply."""
    # Guessed from a line, UTF-16 would be read shifted by a byte.
    try:
        return json.loads(data.decode(mark_of(data) or "utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        raise DataError("cannot be read: no UTF-8") from None
    except ValueError as error:  # the place in a line would make each damaged line a reason of its own
        raise DataError(f"not JSON: {getattr(error, 'msg', error)}") from error
    except RecursionError:
        raise DataError("nested too deeply") from None


def as_row(value: Any) -> dict[str, Any]:
    """An object of JSON or a table. Raises `DataError` for anything else."""
    if not isinstance(value, dict):
        raise DataError("expected a JSON object")
    if not writable(value):
        raise DataError("half a surrogate pair, which is no text")
    return value


def writable(value: Any) -> bool:
    """Whether every text in a value can be written as UTF-8."""
    if isinstance(value, str):
        return is_text(value)
    if isinstance(value, dict):
        return all(writable(part) for pair in value.items() for part in pair)
    return all(map(writable, value)) if isinstance(value, list) else True


def text_lines(path: Path, left_out: LeftOut) -> Iterator[tuple[int, str]]:
    """The number and the text of each line that is not empty and UTF-8; others, and a file of none, count."""
    number = 0
    for number, data in byte_lines(path, left_out):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            left_out.add("cannot be read: no UTF-8", f"{path}: line {number}")
            continue
        yield number, text
    if not number:
        left_out.add("a file without a row", path)
