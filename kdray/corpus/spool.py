"""Examples on disk for as long as they are needed: written once, read any number of times.

What is known only of all rows of a corpus (which columns it has, which of two that are alike stays) is looked for
here, so that memory holds a batch of rows and for each of the others a number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from itertools import islice
from tempfile import TemporaryFile, gettempdir
from typing import Any

from kdray.corpus.example import Example
from kdray.storage import room

FIELDS = tuple(field.name for field in fields(Example))
ROWS = 2048
"""Of a batch."""


class Spool:
    """Examples in a file without a name, which is gone at the end of the block or of its process.

    Attributes:
        rows: how many.
        filled: the fields that are not "" everywhere.
    """

    def __init__(self, examples: Iterable[Example]) -> None:
        """Writes all of them. Raises `StorageError` where the disk of temporary files is full."""
        import pyarrow as pa

        self.rows, self.filled = 0, set[str]()
        schema = pa.schema([(name, pa.string()) for name in FIELDS])
        options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
        remaining = iter(examples)
        with room(gettempdir()), ExitStack() as on_failure:
            self._file = on_failure.enter_context(TemporaryFile())
            with pa.ipc.new_stream(self._file, schema, options=options) as stream:
                while some := list(islice(remaining, ROWS)):
                    columns = {name: [getattr(one, name) for one in some] for name in FIELDS}
                    self.filled |= {name for name, column in columns.items() if any(column)}
                    self.rows += len(some)
                    stream.write_batch(pa.record_batch(columns, schema=schema))
            on_failure.pop_all()

    def batches(self) -> Iterator[Any]:
        """Record batches of Arrow, of `ROWS` rows each but the last. One reader at a time."""
        import pyarrow as pa

        self._file.seek(0)
        with pa.ipc.open_stream(self._file, options=pa.ipc.IpcReadOptions(use_threads=False)) as stream:
            yield from stream

    def __iter__(self) -> Iterator[Example]:
        for batch in self.batches():
            yield from (Example(**row) for row in batch.to_pylist())

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def number_of(*parts: str) -> int:
    """A number of 64 bits for some texts: in a million of them two have the same one once in 37 million times."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return int.from_bytes(digest.digest(), "little")
