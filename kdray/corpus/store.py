"""A corpus on disk: `examples.parquet` and, written last, `corpus.json` with its fingerprint and counts."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args

from kdray.corpus.example import Example, Split
from kdray.corpus.left_out import LeftOut
from kdray.errors import DataError, nearest
from kdray.storage import exists, join, read_bytes, read_json, sha256, write_atomic, write_json

SPLITS: tuple[Split, ...] = get_args(Split)
_KINDS = {"sources": list, "sha256": str, "splits": dict}
"""What every manifest has."""
OPTIONAL = tuple(field.name for field in fields(Example) if field.default is not MISSING)


def write_corpus(
    folder: str | Path, examples: Sequence[Example], sources: Sequence[str], left_out: LeftOut | None = None
) -> dict[str, Any]:
    """Writes a corpus, with what was left out of it, and returns its manifest. Raises `DataError` for no examples:
    an empty corpus is never written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not examples:
        nothing = f"{folder}: an empty corpus: nothing is left of {', '.join(sources)}"
        raise DataError("; ".join([nothing, *(left_out.lines() if left_out is not None else ())]))
    columns = {
        field.name: [getattr(example, field.name) for example in examples] for field in fields(Example)
    }
    # What only some corpora have is no column of the others.
    columns = {name: column for name, column in columns.items() if name not in OPTIONAL or any(column)}
    table = pa.table(columns)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    data = buffer.getvalue()
    write_atomic(join(folder, "examples.parquet"), data)
    manifest = {
        "format_version": 1,
        "sources": list(sources),
        "sha256": sha256(data),
        "splits": dict(sorted(Counter(example.split for example in examples).items())),
        "groups": len({example.group for example in examples}),
    }
    if left_out is not None:
        manifest |= {"left_out": left_out.total, "left_out_because": left_out.because()}
    write_json(join(folder, "corpus.json"), manifest)
    return manifest


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
    return dict(manifest)


def corpus_fingerprint(folder: str | Path) -> str:
    """16 hex digits that change with the content."""
    return str(corpus_manifest(folder)["sha256"])[:16]


def read_corpus(folder: str | Path, split: Split | None = None) -> list[Example]:
    """The examples of a corpus, or of one split of it. Raises `DataError` where it is missing, damaged or
    empty.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if split is not None and split not in SPLITS:
        raise DataError(f"split '{split}'{nearest(split, SPLITS)}")
    manifest = corpus_manifest(folder)
    data = read_bytes(join(folder, "examples.parquet"))
    if sha256(data) != manifest["sha256"]:
        raise DataError(
            f"{folder}/examples.parquet does not match corpus.json (sha256): mine the corpus again"
        )
    # On no thread of Arrow's: a process that ends soon after would end while one is still starting, and abort.
    with pq.ParquetFile(pa.BufferReader(data), pre_buffer=False) as file:
        rows = file.read(use_threads=False).to_pylist()
    examples = [Example(**row) for row in rows if split is None or row["split"] == split]
    if not examples:
        raise DataError(f"{folder}: the corpus has no examples in split '{split}'")
    return examples
