"""Lines of files as they are published: plain or gzipped, text or JSON, each with its number."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kdray.errors import DataError


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number and the object of each line. Raises `DataError` for a line that is no JSON object."""
    for number, text in text_lines(path):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise DataError(f"{path}: line {number}: not JSON: {error}") from error
        if not isinstance(line, dict):
            raise DataError(f"{path}: line {number}: expected a JSON object")
        yield number, line


def text_lines(path: Path, errors: str = "strict") -> Iterator[tuple[int, str]]:
    """The number and the text of each line that is not empty.

    Args:
        path: of UTF-8 text.
        errors: what becomes of bytes that are none, as `open` takes it.

    Raises:
        DataError: for what cannot be read.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", errors=errors) as stream:
            for number, text in enumerate(stream, 1):
                if text.strip():
                    yield number, text
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
