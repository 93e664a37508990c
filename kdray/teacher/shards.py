"""Shards: rows and the teacher's signal on their targets, as Arrow IPC files.

    folder/state.arrow        what the codec knows about the corpus, if it needs that; written first
    folder/shard-00000.arrow  rows, fields of the codec, extra columns; each file is written whole or not at all
    folder/manifest.json      written last

A writer that was killed is run again: it asks `has(number)` and writes what is missing. The bytes of a shard
are a function of its rows, its logits and the header alone, so the folder ends as an undisturbed run would
have left it. Reading takes rows in any order; local files are memory-mapped, and every file is hashed once
per process before use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kdray import storage
from kdray.errors import DataError
from kdray.tasks.row import Row
from kdray.teacher import checked_files, record_batch
from kdray.teacher import manifest as manifests
from kdray.teacher.codec import Codec, FitSample, Packed, State, grouped, starts
from kdray.teacher.manifest import Manifest, ShardHeader, ShardInfo
from kdray.teacher.signal import TeacherSignal
from kdray.teacher.sound_batch import check_rows

STATE_FILE = "state.arrow"
_SHARD = re.compile(r"^shard-(\d{5})\.arrow$")
_FIELD, _EXTRA = "signal.", "extra."


def shard_name(number: int) -> str:
    """The file name of a shard."""
    return f"shard-{number:05d}.arrow"


class ShardWriter:
    """Writes a folder of shards, one by one, in any order and from several processes."""

    def __init__(self, folder: str, codec: Codec, header: ShardHeader) -> None:
        """Raises `DataError` where the folder belongs to another teacher, tokenizer, corpus or codec."""
        self.folder, self.codec, self.header = folder, codec, header
        self._identity = {**asdict(header), "codec": codec.name, "codec_params": codec.params()}
        self._state: State | None = None
        names = storage.list_files(folder)
        for name in [STATE_FILE, *filter(_SHARD.match, names)]:
            if name in names:
                self._refuse_another(name)

    def _refuse_another(self, name: str) -> None:
        location = storage.join(self.folder, name)
        _, about = record_batch.from_bytes(checked_files.whole(location), location)
        for key, value in self._identity.items():
            # What was written before a field existed has its default.
            if (known := about.get(key, getattr(ShardHeader, key, None))) != value:
                raise DataError(
                    f"{self.folder}: already holds shards with {key} {known}, not {value}: "
                    "choose another folder or remove this one"
                )

    def has(self, number: int) -> bool:
        """Whether that shard is there."""
        return storage.exists(storage.join(self.folder, shard_name(number)))

    @property
    def state(self) -> State | None:
        """The codec's state, None before it is fitted."""
        if self._state is None and storage.exists(location := storage.join(self.folder, STATE_FILE)):
            self._state = record_batch.state_from_bytes(storage.read_bytes(location), location)
        return self._state

    def fit(self, rows: Sequence[Row], logits: Iterable[NDArray[np.float32]]) -> None:
        """Fits the codec's state to a sample of the corpus and keeps it in the folder, once.

        Args:
            rows: the sample.
            logits: float32 [targets of the row, V] for each row; iterated more than once.
        """
        if self.codec.fitted and self.state is None:
            self._state = self.codec.fit(FitSample(logits, record_batch.target_labels(rows)))
            data = record_batch.state_to_bytes(self._state, self._identity)
            storage.write_atomic(storage.join(self.folder, STATE_FILE), data)

    def write(
        self,
        number: int,
        rows: Sequence[Row],
        logits: Iterable[NDArray[np.float32]],
        extra: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        """Writes shard `number`. A codec that needs a state and has none is fitted to these rows.

        Args:
            number: from 0; `finish` wants no gaps.
            rows: at least one.
            logits: float32 [targets of the row, V] for each row; may be made lazily, few are held at a time.
            extra: columns beside the rows, one value a row.
        """
        write_all([self], number, rows, logits, extra)

    def _write(
        self,
        number: int,
        rows: Sequence[Row],
        packed: Sequence[Mapping[str, Packed]],
        extra: Mapping[str, Sequence[Any]],
    ) -> None:
        fields = {name: Packed.join([group[name] for group in packed]) for name in self.codec.fields}
        columns = record_batch.from_rows(rows, self.header.vocab)
        columns |= {_FIELD + name: record_batch.binary(field) for name, field in fields.items()}
        columns |= {_EXTRA + name: pa.array(list(values)) for name, values in extra.items()}
        totals = {
            "tokens": sum(row.num_targets for row in rows),
            "signal_bytes": sum(field.data.size for field in fields.values()),
        }
        with storage.open_atomic(storage.join(self.folder, shard_name(number))) as stream:
            record_batch.write(stream, columns, self._identity | totals)

    def _encode(
        self, rows: Sequence[Row], logits: Sequence[NDArray[np.float32]], logits_NV: NDArray[np.float32]
    ) -> dict[str, Packed]:
        """Fields of rows, from the logits of each and of all: many stores are encoded from one array."""
        counts_R = np.array([row.num_targets for row in rows], np.int64)
        if [len(row_logits) for row_logits in logits] != counts_R.tolist():
            raise ValueError("one row of logits for each target position")
        if any(row_logits.shape[1] != self.header.vocab for row_logits in logits):
            raise ValueError(f"logits must have {self.header.vocab} columns")
        self.fit(rows, logits)
        labels_N = record_batch.target_labels(rows)
        return self.codec.encode(logits_NV, labels_N, counts_R, self.state or {})

    def finish(self, shards: int | None = None) -> Manifest:
        """Writes the manifest over all shards of the folder and returns it.

        Raises:
            DataError: a gap, or another number of shards than `shards`.
        """
        names = [name for name in storage.list_files(self.folder) if _SHARD.match(name)]
        missing = [name for name in map(shard_name, range(shards or len(names) or 1)) if name not in names]
        if missing:
            raise DataError(f"{self.folder}: {missing[0]} is missing")
        if shards is not None and len(names) > shards:
            raise DataError(
                f"{self.folder}: {names[shards]} is one too many: the corpus makes {shards} shards"
            )
        state = self._info(STATE_FILE) if self.state else None
        infos = tuple(self._info(name) for name in names)
        manifest = Manifest(self.header, self.codec.name, self.codec.params(), state, infos)
        storage.write_atomic(storage.join(self.folder, manifests.FILE), manifests.dump(manifest))
        return manifest

    def _info(self, name: str) -> ShardInfo:
        location = storage.join(self.folder, name)
        data = checked_files.whole(location)
        batch, about = record_batch.from_bytes(data, location)
        tokens, signal_bytes = about.get("tokens", 0), about.get("signal_bytes", 0)
        return ShardInfo(name, batch.num_rows, tokens, signal_bytes, len(data), storage.sha256(data))


def write_all(
    writers: Sequence[ShardWriter],
    number: int,
    rows: Sequence[Row],
    logits: Iterable[NDArray[np.float32]],
    extra: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """Writes a shard of the same rows in several folders, from one reading of the logits."""
    packed: list[list[dict[str, Packed]]] = [[] for _ in writers]
    done = 0
    for group in grouped(logits):
        part = rows[done : done + len(group)]
        logits_NV = group[0] if len(group) == 1 else np.concatenate(group)
        for writer, groups in zip(writers, packed, strict=True):
            groups.append(writer._encode(part, group, logits_NV))
        done += len(group)
    if done != len(rows):
        raise ValueError(f"{len(rows)} rows, logits of {done}")
    for writer, groups in zip(writers, packed, strict=True):
        writer._write(number, rows, groups, extra or {})


_SOUND: set[tuple[str, int, str]] = set()
"""SHA-256, vocabulary and codec of what this process has looked through."""


def _opened(data: memoryview, location: str, info: ShardInfo, manifest: Manifest) -> Any:
    """The rows of a shard. Raises `DataError` for what cannot be any."""
    known = (info.sha256, manifest.vocab, manifest.codec_name)
    batch, _ = record_batch.from_bytes(data, location, sound=known in _SOUND)
    if batch.num_rows != info.rows:
        raise DataError(f"{location}: {batch.num_rows} rows, the manifest says {info.rows}")
    if known not in _SOUND:
        try:
            check_rows(batch, manifest.vocab, [_FIELD + name for name in manifest.codec().fields])
        except (DataError, pa.ArrowException, LookupError, ValueError) as error:
            raise DataError(f"{location}: damaged: {' '.join(str(error).split())}") from None
        _SOUND.add(known)
    return batch


class ShardSource:
    """A finished folder of shards as a `RowSource` (see `kdray.stream`)."""

    def __init__(self, folder: str, manifest: Manifest, batches: Sequence[Any], state: State) -> None:
        """Use `open`."""
        self.folder, self.manifest = folder, manifest
        self._batches, self._state, self._codec = batches, state, manifest.codec()
        self._starts_S = starts(np.array([len(batch) for batch in batches], np.int64))

    @classmethod
    def open(cls, location: str, *, tokenizer: str | None = None, teacher: str | None = None) -> ShardSource:
        """Opens and checks a folder or URI: every file's size and SHA-256, and the fingerprints that are
        given.

        Raises:
            DataError: one line on what is missing, truncated, changed or made by another.
        """
        manifest = manifests.read(location)
        manifests.check(manifest, location, tokenizer=tokenizer, teacher=teacher)
        if not manifest.shards:
            raise DataError(f"{location}: a folder without a shard")
        infos = [*manifest.shards, *([manifest.state] if manifest.state else [])]
        contents = checked_files.read(location, infos)
        batches = [
            _opened(data, storage.join(location, info.name), info, manifest)
            for data, info in zip(contents, manifest.shards, strict=False)
        ]
        state: State = {}
        if manifest.state is not None:
            file = storage.join(location, manifest.state.name)
            state = record_batch.state_from_bytes(contents[-1], file)
            for name, shape in manifest.codec().shapes(state, manifest.vocab).items():
                if name not in state or state[name].shape != shape:
                    raise DataError(f"{file}: damaged: no {name} of shape {shape}")
        return cls(location, manifest, batches, state)

    def __len__(self) -> int:
        return int(self._starts_S[-1])

    def lengths(self) -> NDArray[np.int32]:
        """int32 [rows], `input_ids` length of every row."""
        return np.concatenate(
            [np.diff(batch.column("input_ids").offsets.to_numpy()) for batch in self._batches]
        )

    def has_column(self, name: str) -> bool:
        """Whether there is an extra column of that name."""
        return _EXTRA + name in self._batches[0].schema.names

    def column(self, name: str) -> list[Any]:
        """The values of an extra column, one a row. Raises `DataError` where there is none of that name."""
        if not self.has_column(name):
            raise DataError(f"{self.folder}: no column '{name}'")
        return [value for batch in self._batches for value in batch.column(_EXTRA + name).to_pylist()]

    def take(self, numbers: Sequence[int]) -> tuple[list[Row], TeacherSignal]:
        """The rows in the given order, and the signal on their targets in the order of each row."""
        batch = self._select(np.asarray(numbers, np.int64))
        rows, labels_N, counts_R = record_batch.to_rows(batch)
        packed = {name: record_batch.packed(batch.column(_FIELD + name)) for name in self._codec.fields}
        try:
            signal = self._codec.decode(packed, labels_N, counts_R, self.manifest.vocab, self._state)
        except (LookupError, ValueError, TypeError) as error:
            raise DataError(f"{self.folder}: does not decode: {error}") from error
        if signal.ids_NK.size and not 0 <= signal.ids_NK.min() <= signal.ids_NK.max() < signal.vocab:
            raise DataError(f"{self.folder}: does not decode: a token outside of the vocabulary")
        return rows, signal

    def _select(self, numbers_R: NDArray[np.int64]) -> Any:
        """One record batch with these rows in this order."""
        shards_R = np.searchsorted(self._starts_S, numbers_R, side="right") - 1
        order_R = np.argsort(shards_R, kind="stable")
        parts = []
        for shard in np.unique(shards_R):
            mine = order_R[shards_R[order_R] == shard]
            parts.append(self._batches[shard].take(pa.array(numbers_R[mine] - self._starts_S[shard])))
        if len(parts) == 1:
            joined = parts[0]
        else:
            joined, *more = pa.Table.from_batches(record_batch.alike(parts)).combine_chunks().to_batches()
            if more:  # Arrow begins another where offsets of 32 bits end
                raise DataError(f"{self.folder}: {len(numbers_R)} rows at once are too many: take fewer")
        back_R = np.argsort(order_R)
        return joined if (back_R == np.arange(len(back_R))).all() else joined.take(pa.array(back_R))
