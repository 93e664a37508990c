"""Folders of shards as somebody with bad intentions makes them: everything that is summed up is summed up anew."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kdray.teacher import manifest as manifests
from kdray.teacher.manifest import Manifest


def sealed(folder: Path, manifest: Manifest) -> None:
    """A manifest whose sums fit the first shard as it lies there."""
    data = (folder / manifest.shards[0].name).read_bytes()
    first = replace(manifest.shards[0], bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    whole = replace(manifest, shards=(first, *manifest.shards[1:]))
    (folder / manifests.FILE).write_bytes(manifests.dump(whole))


def with_offsets(folder: Path, column: str, change: Callable[[np.ndarray], None]) -> None:
    """Changes the offsets of a column in the first shard, where they lie in the file."""
    manifest = manifests.read(str(folder))
    path = folder / manifest.shards[0].name
    data = bytearray(path.read_bytes())
    array = pa.ipc.open_file(pa.py_buffer(bytes(data))).get_batch(0).column(column)
    offsets = np.frombuffer(array.buffers()[1], np.int32)[: len(array) + 1].copy()
    at = data.find(offsets.tobytes())
    change(offsets)
    data[at : at + offsets.nbytes] = offsets.tobytes()
    path.write_bytes(data)
    sealed(folder, manifest)


def with_columns(folder: Path, change: Callable[[dict[str, Any]], None], **options: Any) -> None:
    """Writes the first shard again with other columns."""
    manifest = manifests.read(str(folder))
    path = folder / manifest.shards[0].name
    batch = pa.ipc.open_file(pa.py_buffer(path.read_bytes())).get_batch(0)
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    change(columns)
    schema = pa.schema([(name, array.type) for name, array in columns.items()], batch.schema.metadata)
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_batch(pa.record_batch(list(columns.values()), schema=schema))
    path.write_bytes(sink.getvalue())
    sealed(folder, manifest)
