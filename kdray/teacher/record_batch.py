"""Rows and a codec's fields as one Arrow record batch in one IPC file, and back, without a Python object per
token.

Columns: `id`; `input_ids`; `labels`, of the target positions only; `mask`, one bit per label position, 1 on
targets; `length`, of the labels; `signal.*`, the codec's fields, a run of bytes per row; `extra.*`. Token ids
are uint16 where the vocabulary allows. What the file belongs to stands in the schema's metadata as JSON.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kdray.errors import DataError
from kdray.tasks.row import IGNORED, Row
from kdray.teacher.codec import Packed, State, starts
from kdray.teacher.sound_batch import bytes_of, one_batch

_KEY = b"kdray"
MOST = 2**31 - 1
"""What offsets of Arrow's usual columns reach; beyond it they are large ones."""
_NUMBERS = {kind: np.dtype(kind) for kind in ("|u1", "<u2", "<u4", "<i4", "<i8", "<f2", "<f4", "<f8")}
"""What a codec's state may be made of."""


def target_labels(rows: Sequence[Row]) -> NDArray[np.int32]:
    """int32 [N], the labels of all target positions, row after row."""
    labels = np.concatenate([row.labels for row in rows])
    return np.asarray(labels[labels != IGNORED], np.int32)


def from_rows(rows: Sequence[Row], vocab: int) -> dict[str, Any]:
    """The columns that hold the rows themselves."""
    token = np.uint16 if vocab <= 1 << 16 else np.int32
    masks = [np.packbits(row.labels != IGNORED) for row in rows]
    counts_R = np.array([row.num_targets for row in rows], np.int64)
    lengths_R = np.array([len(row.input_ids) for row in rows], np.int64)
    masks_R = starts(np.array([len(mask) for mask in masks], np.int64))
    return {
        "id": pa.array([row.id for row in rows]),
        "input_ids": _lists(np.concatenate([row.input_ids for row in rows]).astype(token), starts(lengths_R)),
        "labels": _lists(target_labels(rows).astype(token), starts(counts_R)),
        "mask": binary(Packed(np.concatenate(masks), masks_R)),
        "length": pa.array([len(row.labels) for row in rows], pa.int32()),
    }


def to_rows(batch: Any) -> tuple[list[Row], NDArray[np.int32], NDArray[np.int64]]:
    """The rows of a record batch, the labels of their target positions [N] and how many each has [R]."""
    input_ids, lengths_R = batch.column("input_ids"), batch.column("length").to_numpy().astype(np.int64)
    tokens = input_ids.values.to_numpy().astype(np.int32)
    tokens_R = input_ids.offsets.to_numpy()
    targets_N = batch.column("labels").values.to_numpy().astype(np.int32)
    counts_R = np.diff(batch.column("labels").offsets.to_numpy()).astype(np.int64)
    starts_R = starts(lengths_R)
    labels = np.full(starts_R[-1], IGNORED, np.int32)
    is_target = _unpack_masks(packed(batch.column("mask")), lengths_R)
    if int(is_target.sum()) != len(targets_N):
        raise DataError("a shard does not decode: its masks and labels disagree")
    labels[is_target] = targets_N
    rows = [
        Row(name, tokens[tokens_R[r] : tokens_R[r + 1]], labels[starts_R[r] : starts_R[r + 1]])
        for r, name in enumerate(batch.column("id").to_pylist())
    ]
    return rows, targets_N, counts_R


def _unpack_masks(masks: Packed, lengths_R: NDArray[np.int64]) -> NDArray[np.bool_]:
    """One flag per label position, row after row; each row's bits begin at a byte."""
    within = np.arange(lengths_R.sum()) - np.repeat(starts(lengths_R)[:-1], lengths_R)
    flags = np.unpackbits(masks.data)[np.repeat(masks.offsets_R[:-1] * 8, lengths_R) + within]
    return np.asarray(flags, np.bool_)


def _lists(values: NDArray[Any], offsets_R: NDArray[np.int64]) -> Any:
    if offsets_R[-1] > MOST:
        return pa.LargeListArray.from_arrays(pa.array(offsets_R), pa.array(values))
    return pa.ListArray.from_arrays(pa.array(offsets_R.astype(np.int32)), pa.array(values))


def binary(field: Packed) -> Any:
    """A field as an Arrow array of one run of bytes per row."""
    large = field.offsets_R[-1] > MOST
    offsets_R = field.offsets_R if large else field.offsets_R.astype(np.int32)
    buffers = [None, pa.py_buffer(offsets_R), pa.py_buffer(np.ascontiguousarray(field.data))]
    kind = pa.large_binary() if large else pa.binary()
    return pa.Array.from_buffers(kind, len(field.offsets_R) - 1, buffers)


def packed(array: Any) -> Packed:
    """The bytes of a binary column."""
    edges_R, data = bytes_of(array)
    return Packed(data, edges_R)


def alike(batches: Sequence[Any]) -> list[Any]:
    """Batches of one schema: a column that is large in one of them is large in all."""
    first = batches[0].schema
    if all(batch.schema.equals(first) for batch in batches):
        return list(batches)

    def is_large(field: Any) -> bool:
        return bool(pa.types.is_large_binary(field.type) or pa.types.is_large_list(field.type))

    fields = [max((batch.schema.field(name) for batch in batches), key=is_large) for name in first.names]
    return [batch.cast(pa.schema(fields)) for batch in batches]


def to_bytes(columns: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """See `write`."""
    sink = io.BytesIO()
    write(sink, columns, about)
    return sink.getvalue()


def write(sink: Any, columns: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Writes an IPC file of one record batch to a binary stream; the same columns give the same bytes."""
    metadata = {_KEY: json.dumps(about, sort_keys=True).encode()}
    schema = pa.schema([(name, array.type) for name, array in columns.items()], metadata)
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch(list(columns.values()), schema=schema))


def from_bytes(data: bytes | memoryview, location: str, *, sound: bool = False) -> tuple[Any, dict[str, Any]]:
    """The record batch of an IPC file (no copy of `data`) and what the file says it is about.

    Args:
        data: of the file.
        location: names it in an error.
        sound: whether these bytes were looked through before.

    Raises:
        DataError: the bytes are no such file, or refer to what is not in it.
    """
    try:
        batch = one_batch(data, sound=sound)
        about = json.loads((batch.schema.metadata or {})[_KEY])
        if not isinstance(about, dict):
            raise ValueError("it does not say what it is about")
    except (DataError, pa.ArrowException, EOFError, OSError, LookupError, ValueError, struct.error) as error:
        raise DataError(f"{location}: damaged: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise DataError(f"{location}: damaged: nested too deeply") from None
    return batch, about


def state_to_bytes(state: State, about: Mapping[str, Any]) -> bytes:
    """A codec's arrays as an IPC file."""
    shapes = {name: [array.dtype.str, list(array.shape)] for name, array in state.items()}
    columns = {name: pa.array([array.tobytes()], pa.large_binary()) for name, array in state.items()}
    return to_bytes(columns, {**about, "arrays": shapes})


def state_from_bytes(data: bytes | memoryview, location: str) -> State:
    """What `state_to_bytes` wrote. Raises `DataError`."""
    batch, about = from_bytes(data, location)
    try:
        return {
            name: np.frombuffer(batch.column(name)[0].as_buffer(), _NUMBERS[dtype]).reshape(shape)
            for name, (dtype, shape) in about["arrays"].items()
        }
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{location}: damaged: no state of a codec: {error}") from None
