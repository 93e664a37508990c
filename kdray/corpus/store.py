"""A corpus on disk: `examples.parquet` and, written last, `corpus.json` with its fingerprint and counts.

Both ways rows pass in batches: what is held of a corpus of a million rows is a group of them.
"""

from __future__ import annotations

import hashlib
import io
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import numpy as np

from kdray.corpus.example import Example, Split
from kdray.corpus.left_out import LeftOut
from kdray.corpus.spool import FIELDS, ROWS, Spool, number_of
from kdray.errors import DataError, nearest
from kdray.storage import exists, join, open_atomic, open_bytes, read_json, write_json

SPLITS: tuple[Split, ...] = get_args(Split)
_KINDS = {"sources": list, "sha256": str, "splits": dict}
"""What every manifest has."""
OPTIONAL = tuple(field.name for field in fields(Example) if field.default is not MISSING)
BATCHES_PER_GROUP = 32
"""Batches of `ROWS` rows in each row group of the file but the last; part of what a fingerprint depends on."""
_BUFFER_BYTES = 2**16


def write_corpus(
    folder: str | Path, examples: Iterable[Example], sources: Sequence[str], left_out: LeftOut | None = None
) -> dict[str, Any]:
    """Writes a corpus, with what was left out of it by the end of `examples`, which are read once, and returns its
    manifest. Raises `DataError` for no examples: an empty corpus is never written.
    """
    with Spool(examples) as spool:
        if not spool.rows:
            nothing = f"{folder}: an empty corpus: nothing is left of {', '.join(sources)}"
            raise DataError("; ".join([nothing, *(left_out.lines() if left_out is not None else ())]))
        with open_atomic(join(folder, "examples.parquet")) as stream:
            counted = _write_table(spool, stream)
    manifest = {"format_version": 1, "sources": list(sources), **counted}
    if left_out is not None:
        manifest |= {"left_out": left_out.total, "left_out_because": left_out.because()}
    write_json(join(folder, "corpus.json"), manifest)
    return manifest


def _write_table(spool: Spool, stream: Any) -> dict[str, Any]:
    """Parquet of all rows; its hash, and the counts of a manifest."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # What only some corpora have is no column of the others.
    names = [name for name in FIELDS if name not in OPTIONAL or name in spool.filled]
    schema = pa.schema([(name, pa.string()) for name in names])
    hashed, splits, groups = _Hashed(stream), Counter[str](), array("Q")
    batches = spool.batches()
    with pq.ParquetWriter(hashed, schema, compression="zstd") as writer:
        while some := list(islice(batches, BATCHES_PER_GROUP)):
            # In one piece: where pieces end would show in the bytes.
            table = pa.Table.from_batches(some).combine_chunks()
            splits.update(table["split"].to_pylist())
            groups.extend(number_of(group) for group in set(table["group"].to_pylist()))
            writer.write_table(table.select(names))
    return {
        "sha256": hashed.digest.hexdigest(),
        "splits": dict(sorted(splits.items())),
        "groups": len(np.unique(np.array(groups))),
    }


class _Hashed(io.RawIOBase):
    """A stream that hashes what is written to another one."""

    def __init__(self, stream: Any) -> None:
        self._stream, self.digest = stream, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self._stream.write(data)
        return len(data)


def corpus_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a corpus folder. Raises `DataError`."""
    path = join(folder, "corpus.json")
    if not exists(path):
        raise DataError(
            f"{folder}: no corpus here (corpus.json is missing): "
            f"make one with `kdray corpus mine --out {folder}`"
        )
    manifest: Any = read_json(path)
    for name, kind in _KINDS.items():
        if not isinstance(manifest, dict) or not isinstance(manifest.get(name), kind):
            raise DataError(f"{path}: damaged, no {name} in it: mine or import the corpus again")
    for name, is_sound in (("splits", _is_count), ("left_out_because", _is_reason)):
        entries = manifest.get(name, {})
        if not isinstance(entries, dict) or not all(map(is_sound, entries.values())):
            raise DataError(f"{path}: damaged, {name} is {entries!r:.60}: mine or import the corpus again")
    return dict(manifest)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_reason(value: Any) -> bool:
    return isinstance(value, dict) and _is_count(value.get("count")) and isinstance(value.get("first"), str)


def corpus_fingerprint(folder: str | Path) -> str:
    """16 hex digits that change with the content."""
    return str(corpus_manifest(folder)["sha256"])[:16]


@dataclass(frozen=True)
class Examples:
    """The examples of a corpus, or of one split of it, read anew each time they are iterated.

    Iterating raises `DataError` where the corpus is missing, damaged or has none of them.
    """

    folder: str | Path
    split: Split | None = None

    def __iter__(self) -> Iterator[Example]:
        for _, batch in self._batches():
            yield from (Example(**row) for row in batch.to_pylist())

    def at(self, numbers: Sequence[int]) -> list[Example]:
        """Those at some numbers, ascending from 0. Raises `DataError` where there are fewer than that."""
        wanted, found = np.asarray(numbers, np.int64), list[Example]()
        for first, batch in self._batches():
            low, high = np.searchsorted(wanted, (first, first + batch.num_rows))
            if low < high:
                found += [Example(**row) for row in batch.take(wanted[low:high] - first).to_pylist()]
        if len(found) != len(wanted):
            raise DataError(f"{self.folder}: fewer examples than corpus.json counts: mine or import it again")
        return found

    def _batches(self) -> Iterator[tuple[int, Any]]:
        """How many came before, and the next of them as a record batch of Arrow."""
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        if self.split is not None and self.split not in SPLITS:
            raise DataError(f"split '{self.split}'{nearest(self.split, SPLITS)}")
        done = 0
        # On no thread of Arrow's: a process that ends soon after would end while one is still starting, and abort.
        with (
            _checked(self.folder) as stream,
            pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file,
        ):
            for batch in file.iter_batches(ROWS, use_threads=False):
                if self.split is not None:
                    batch = batch.filter(pc.equal(batch["split"], self.split))
                if batch.num_rows:
                    yield done, batch
                    done += batch.num_rows
        if not done:
            raise DataError(f"{self.folder}: the corpus has no examples in split '{self.split}'")


def _checked(folder: str | Path) -> Any:
    """The file of a corpus, which is what its manifest says it is. Raises `DataError`."""
    manifest = corpus_manifest(folder)
    stream = open_bytes(join(folder, "examples.parquet"))
    if hashlib.file_digest(stream, "sha256").hexdigest() != manifest["sha256"]:
        stream.close()
        raise DataError(
            f"{folder}/examples.parquet does not match corpus.json (sha256): mine the corpus again"
        )
    stream.seek(0)
    return stream


def examples_of(folder: str | Path, ids: Iterable[str]) -> dict[str, Example]:
    """Those of a corpus that have one of these ids, by it; no others are held. Raises `DataError`."""
    wanted = set(ids)
    return {example.id: example for example in Examples(folder) if example.id in wanted}


def read_corpus(folder: str | Path, split: Split | None = None) -> list[Example]:
    """The examples of a corpus, or of one split of it, all at once (see `Examples`). Raises `DataError` where it
    is missing, damaged or empty.
    """
    return list(Examples(folder, split))
