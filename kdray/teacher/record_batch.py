"""Rows and a codec's fields as one Arrow record batch in one IPC file, and back, without a Python object per
token.

Columns: `id`; `input_ids`; `labels`, of the target positions only; `mask`, one bit per label position, 1 on
targets; `length`, of the labels; `signal.*`, the codec's fields, a run of bytes per row; `extra.*`. Token ids
are uint16 where the vocabulary allows. What the file belongs to stands in the schema's metadata as JSON.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kdray.errors import DataError
from kdray.tasks.row import IGNORED, Row
from kdray.teacher.codec import Packed, State, starts

_KEY = b"kdray"


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
    return pa.ListArray.from_arrays(pa.array(offsets_R.astype(np.int32)), pa.array(values))


def binary(field: Packed) -> Any:
    """A field as an Arrow array of one run of bytes per row."""
    buffers = [
        None,
        pa.py_buffer(field.offsets_R.astype(np.int32)),
        pa.py_buffer(np.ascontiguousarray(field.data)),
    ]
    return pa.Array.from_buffers(pa.binary(), len(field.offsets_R) - 1, buffers)


def packed(array: Any) -> Packed:
    """The bytes of a binary column."""
    _, offsets, data = array.buffers()
    offsets_R = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1].astype(
        np.int64
    )
    whole = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return Packed(whole[offsets_R[0] : offsets_R[-1]], offsets_R - offsets_R[0])


def to_bytes(columns: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """An IPC file of one record batch; the same columns give the same bytes."""
    metadata = {_KEY: json.dumps(about, sort_keys=True).encode()}
    schema = pa.schema([(name, array.type) for name, array in columns.items()], metadata)
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch(list(columns.values()), schema=schema))
    return sink.getvalue()


def from_bytes(data: bytes | memoryview, location: str) -> tuple[Any, dict[str, Any]]:
    """The record batch of an IPC file (no copy of `data`) and what the file says it is about.

    Raises:
        DataError: the bytes are no such file.
    """
    try:
        reader = pa.ipc.open_file(pa.py_buffer(data))
        return reader.get_batch(0), json.loads(reader.schema.metadata[_KEY])
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{location}: damaged: {' '.join(str(error).split())}") from None


def state_to_bytes(state: State, about: Mapping[str, Any]) -> bytes:
    """A codec's arrays as an IPC file."""
    shapes = {name: [array.dtype.str, list(array.shape)] for name, array in state.items()}
    columns = {name: pa.array([array.tobytes()], pa.large_binary()) for name, array in state.items()}
    return to_bytes(columns, {**about, "arrays": shapes})


def state_from_bytes(data: bytes | memoryview, location: str) -> State:
    """What `state_to_bytes` wrote. Raises `DataError`."""
    batch, about = from_bytes(data, location)
    return {
        name: np.frombuffer(batch.column(name)[0].as_buffer(), dtype).reshape(shape)
        for name, (dtype, shape) in about["arrays"].items()
    }
