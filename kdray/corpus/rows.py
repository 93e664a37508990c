"""The rows of a file, whatever form they are in, and the files of a folder that may hold some.

JSON lines, a list or one object of JSON, Parquet, and the Arrow files that `datasets.save_to_disk` writes, told by
how a file begins rather than by its name; JSON also packed (see `lines`). Hidden files and what a tool writes
about a set (`dataset_info.json`, ...) are ignored; everything else that is not read is counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from json import JSONDecodeError
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kdray.corpus.decode import mark_of
from kdray.corpus.left_out import LeftOut, plain_path
from kdray.corpus.lines import as_row, bare_name, byte_lines, head_of, parsed, whole
from kdray.errors import DataError

Row = Mapping[str, Any]
Form = Literal["lines", "json", "parquet", "arrow", ""]


class Place(NamedTuple):
    """Where a row stands; `number` counts from 1, in lines the empty ones too."""

    path: Path
    unit: str
    number: int

    def __str__(self) -> str:
        return f"{plain_path(self.path)}: {self.unit} {self.number}"


METADATA = frozenset(("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"))
DOCUMENTS = (
    ".md",
    ".rst",
    ".html",
    ".pdf",
    ".png",
    ".svg",
    ".py",
    ".sh",
    ".ipynb",
    ".yaml",
    ".yml",
    ".toml",
    ".lock",
)
_ABOUT = (
    "readme",
    "license",
    "licence",
    "notice",
    "citation",
    "changelog",
    "copying",
    "sha256sums",
    "md5sums",
)
ARCHIVES = (".tar", ".tgz", ".tbz2", ".txz", ".zip", ".7z", ".rar")
LINES = (".jsonl", ".ndjson", ".jsonlines")
MAX_JSON_BYTES = 2 * 2**30
"""Of a file that is one piece of JSON, unpacked."""
ROWS_PER_BATCH = 1000
_HEAD_BYTES = 2**16
_LOOKED_AT = 20


def data_files(root: Path, left_out: LeftOut) -> list[Path]:
    """The files of a folder that may hold data, sorted; a file is its own. Raises `DataError` without one."""
    if not root.exists():
        raise DataError(f"{root}: cannot be read: no such folder or file")
    if not root.is_dir():
        return [root]
    return [path for path in files_below(root, left_out) if _is_data(path, left_out)]


def files_below(root: Path, left_out: LeftOut) -> list[Path]:
    """All files of a folder, sorted, without hidden files and folders."""

    def unread(error: OSError) -> None:
        left_out.add(f"a folder that cannot be read: {error.strerror}", plain_path(error.filename))

    paths: list[Path] = []
    for folder, folders, names in os.walk(root, onerror=unread):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(folder, name) for name in names if not name.startswith(".")]
        for name in folders:
            if os.path.islink(os.path.join(folder, name)):
                left_out.add("a link to a folder, which is not followed", plain_path(Path(folder, name)))
    for path in paths:
        if not path.is_file():
            left_out.add("no file, or a link to none", plain_path(path))
    return sorted(path for path in paths if path.is_file())


def _is_data(path: Path, left_out: LeftOut) -> bool:
    name = bare_name(path).lower()
    is_about = name.startswith(_ABOUT) and not name.endswith((*LINES, ".json", ".parquet", ".arrow"))
    if name in METADATA or name.endswith(DOCUMENTS) or is_about:
        return False
    if path.suffix == ".arrow" and path.name not in _named_by_state(path):
        return False  # a cache of `datasets`, or the indices of a selection
    if name.endswith(ARCHIVES):
        left_out.add("an archive of files: unpack it", plain_path(path))
        return False
    return True


def _named_by_state(path: Path) -> set[str]:
    """The Arrow files that `datasets` lists in the folder of one of them; without a list that file itself."""
    state = path.with_name("state.json")
    if not state.is_file():
        return {path.name}
    try:
        listed = parsed(whole(state, MAX_JSON_BYTES))["_data_files"]
        return {file["filename"] for file in listed}
    except (DataError, KeyError, TypeError):
        return {path.name}


def form_of(path: Path) -> Form:
    """What a file looks like, "" for nothing that has rows. Raises `DataError` for what cannot be read."""
    head = head_of(path, _HEAD_BYTES)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    text = head.decode(mark_of(head) or "utf-8", "replace").lstrip()
    if text.startswith("["):
        return "lines" if bare_name(path).endswith(LINES) and "{" not in text else "json"
    if not text.startswith("{"):
        return "lines" if bare_name(path).endswith((*LINES, ".json")) else ""
    return "json" if _is_one_object(path) else "lines"


def _is_one_object(path: Path) -> bool:
    """Whether a file that begins with a brace is one piece of JSON rather than lines of it."""
    lines: list[bytes] = []
    try:
        for _, line in islice(byte_lines(path, LeftOut()), _LOOKED_AT):
            lines.append(line)
    except DataError:  # a file that breaks off: what stands before is looked at
        if not lines:
            raise
    are_objects = [_parses(line) for line in lines]
    if bare_name(path).endswith(LINES) or (are_objects[:1] == [True] and len(lines) > 1):
        return False
    # The one line of an object may be longer than lines may be: then there is none.
    return len(lines) <= 1 or not any(are_objects) or _parses(whole(path, MAX_JSON_BYTES))


def _parses(data: bytes) -> bool:
    try:
        return isinstance(parsed(data), dict)
    except DataError:
        return False


def rows(path: Path, left_out: LeftOut) -> Iterator[tuple[Place, Row]]:
    """The rows of a file, each with its place; what is no row is counted.

    Raises:
        DataError: for a file that cannot be read (further); the rows before have been given by then.
    """
    form = form_of(path)
    if not form:
        raise DataError(f"{path}: no rows that are known: JSON, JSON lines, Parquet or Arrow")
    unit, number = "line" if form == "lines" else "row", 0
    for number, value in _values(path, form, left_out):
        place, row = Place(path, unit, number), None
        with left_out.rather_than_fail(place):
            row = as_row(parsed(value) if form == "lines" else value)
        if row is not None:
            yield place, row
    if not number:
        left_out.add("a file without a row", plain_path(path))


def _values(path: Path, form: str, left_out: LeftOut) -> Iterator[tuple[int, Any]]:
    if form == "lines":
        return byte_lines(path, left_out)
    return enumerate(_json(path) if form == "json" else _table(path, form), 1)


def guarded(path: Path, items: Iterator[Any], left_out: LeftOut) -> Iterator[Any]:
    """What is read from a file up to where it is damaged; the rest is counted as one."""
    try:
        yield from items
    except DataError as error:
        left_out.add(str(error).removeprefix(f"{path}: "), path)


def _json(path: Path) -> Iterator[Any]:
    try:
        data = parsed(whole(path, MAX_JSON_BYTES))
    except DataError as error:
        if str(error).startswith(str(path)):
            raise
        at = f", line {cause.lineno}" if isinstance(cause := error.__cause__, JSONDecodeError) else ""
        raise DataError(f"{path}: cannot be read: {error}{at}") from error
    yield from data if isinstance(data, list) else [data]


def _table(path: Path, form: str) -> Iterator[Any]:
    """The rows of a table of Arrow or Parquet; nothing in it is run."""
    import pyarrow as pa

    try:
        for batch in _parquet(path) if form == "parquet" else _arrow(path):
            batch.validate(full=True)
            batch = batch.select(_without_times(batch.schema))
            for start in range(0, batch.num_rows, ROWS_PER_BATCH):
                yield from batch.slice(start, ROWS_PER_BATCH).to_pylist()
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read: {reason}") from error


def _without_times(schema: Any) -> list[int]:
    """Columns but for dates and times: no layout has any, and not all fit into Python's."""
    import pyarrow as pa

    def has_times(kind: Any) -> bool:
        inside = [kind.field(number).type for number in range(kind.num_fields)]
        return pa.types.is_temporal(kind) or any(map(has_times, inside))

    return [number for number, field in enumerate(schema) if not has_times(field.type)]


def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=ROWS_PER_BATCH, use_threads=False)


def _arrow(path: Path) -> Iterator[Any]:
    import pyarrow as pa

    with path.open("rb") as raw:
        is_file = raw.read(6) == b"ARROW1"
        raw.seek(0)
        if is_file:
            with pa.ipc.open_file(raw) as file:
                yield from (file.get_batch(number) for number in range(file.num_record_batches))
        else:
            with pa.ipc.open_stream(raw) as stream:
                yield from stream


def first_rows(path: Path, count: int) -> list[Row]:
    """At most `count` rows of a file, as far as it can be read."""
    first: list[Row] = []
    try:
        for _, row in rows(path, LeftOut()):
            first.append(row)
            if len(first) == count:
                break
    except DataError:
        pass
    return first


def stem(path: Path) -> str:
    """A path without the endings of its name, as text."""
    return plain_path(path.with_name(path.name.partition(".")[0] or path.name).as_posix())
