"""Whether the bytes of a shard are what a shard's may be, asked before anything in them is believed.

Arrow trusts its input: offsets are followed wherever they lead, and a compressed body takes whatever room it says
it takes. So a file is read message by message, a compressed one is refused before it is unpacked (kdray writes
none: its fields are dense already), and every number in it that says how much there is must fit the bytes that are
there.

It costs 0.23 s a gigabyte, of which Arrow's own validation takes 0.01, beside 0.62 for the SHA-256
(`python tests/benchmarks/validation.py`); once a file and process, not once a batch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kdray.errors import DataError

_MAGIC_BYTES = 8
_HEADER, _COMPRESSION = 2, 3
"""Where Arrow's format keeps the header of a message, and the compression of a record batch's."""
_TOKENS = (pa.list_(pa.uint16()), pa.list_(pa.int32()), pa.large_list(pa.uint16()), pa.large_list(pa.int32()))
_BYTES = (pa.binary(), pa.large_binary())
_SET_BITS = np.array([number.bit_count() for number in range(256)], np.int64)


def one_batch(data: bytes | memoryview, *, sound: bool = False) -> Any:
    """The record batch of an IPC file, no copy of `data`; what it refers to is there, all of it. That is looked
    through, unless the bytes are known to be `sound`.

    Raises:
        DataError: it is compressed, or holds something else than one record batch.
        ArrowException, OSError, ValueError, struct.error: it is damaged.
    """
    messages = pa.ipc.MessageReader.open_stream(pa.py_buffer(data)[_MAGIC_BYTES:])
    try:
        head, body = messages.read_next_message(), messages.read_next_message()
    except StopIteration:
        raise DataError("not one record batch") from None
    if (head.type, body.type) != ("schema", "record batch"):
        raise DataError("not one record batch")
    if _is_compressed(memoryview(body.metadata)):
        raise DataError("its body is compressed, as kdray writes none")
    batch = pa.ipc.read_record_batch(body, pa.ipc.read_schema(head))
    if not sound:
        batch.validate(full=True)
    return batch


def _is_compressed(metadata: memoryview) -> bool:
    """Of the FlatBuffer of a record batch's message: a root table, in it the header's, in it `compression`."""
    root = _follow(metadata, 0)
    header = _field(metadata, root, _HEADER)
    return bool(_field(metadata, _follow(metadata, header), _COMPRESSION))


def _follow(data: memoryview, at: int) -> int:
    return at + int(struct.unpack_from("<I", data, at)[0])


def _field(data: memoryview, table: int, number: int) -> int:
    """Where a table keeps a field; 0 where it has none."""
    vtable = table - int(struct.unpack_from("<i", data, table)[0])
    slot = 4 + 2 * number
    if slot + 2 > struct.unpack_from("<H", data, vtable)[0]:
        return 0
    offset = int(struct.unpack_from("<H", data, vtable + slot)[0])
    return table + offset if offset else 0


def check_rows(batch: Any, vocab: int, fields: Iterable[str]) -> None:
    """Raises `DataError` for what cannot be rows with a signal.

    Args:
        batch: from `one_batch`.
        vocab: of the labels.
        fields: columns of the codec.
    """
    types = {"id": (pa.string(),), "length": (pa.int32(),), "mask": _BYTES}
    types |= dict.fromkeys(("input_ids", "labels"), _TOKENS) | dict.fromkeys(fields, _BYTES)
    for name, allowed in types.items():
        if name not in batch.schema.names:
            raise DataError(f"it has no column {name}")
        column = batch.column(name)
        if column.type not in allowed:
            raise DataError(f"column {name} is of type {column.type}, not {allowed[0]}")
        if column.null_count:
            raise DataError(f"column {name} has {column.null_count} empty places")
    labels_R = _counts(batch, "labels", vocab)
    _counts(batch, "input_ids", None)
    lengths_R = batch.column("length").to_numpy().astype(np.int64)
    edges_R, mask = bytes_of(batch.column("mask"))
    if (lengths_R < 0).any() or (-(-lengths_R // 8) != np.diff(edges_R)).any():
        raise DataError("a length is another than that of its mask")
    set_bits = np.concatenate([[0], np.cumsum(_SET_BITS[mask])])
    if (np.diff(set_bits[edges_R]) != labels_R).any():
        raise DataError("masks and labels disagree")


def _counts(batch: Any, name: str, vocab: int | None) -> NDArray[np.int64]:
    """How many tokens each row has."""
    column = batch.column(name)
    edges_R, values = column.offsets.to_numpy(), column.values
    if values.null_count or edges_R[0] != 0 or edges_R[-1] != len(values):
        raise DataError(f"column {name} has tokens that are no row's")
    tokens = values.to_numpy()
    if len(tokens) and (tokens.min() < 0 or (vocab is not None and tokens.max() >= vocab)):
        raise DataError(f"column {name} has a token outside of the vocabulary")
    return np.asarray(np.diff(edges_R), np.int64)


def bytes_of(column: Any) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Where each row of a column of bytes begins and ends [R + 1], and the bytes: those of row r are
    data[edges_R[r] : edges_R[r + 1]]. No copy of the bytes.
    """
    _, offsets, data = column.buffers()
    wide = np.int64 if pa.types.is_large_binary(column.type) else np.int32
    edges_R = np.frombuffer(offsets, wide)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    whole = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return edges_R - edges_R[0], whole[edges_R[0] : edges_R[-1]]
