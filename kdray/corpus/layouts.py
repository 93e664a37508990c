"""Which layout a folder or file of somebody else's data has, and its examples.

Told by the names of files and the fields of a first row: labelled code (`labelled`) or Java assertions
(`published`). The split is told by the name of a file or folder (`train`, `Training`, `eval.jsonl`, ...); without
one it is a hash of the project. Nothing is de-duplicated: a published set stays what it is. Where a set has a
second copy with abstract names (a folder `abstract...`), the one with the real names is read.

Not covered: tar archives.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdray.console import Advance
from kdray.corpus.example import Example, Split
from kdray.corpus.labelled import CODES, labelled_examples
from kdray.corpus.lines import json_lines, text_lines
from kdray.corpus.published_sets import ATLAS, LAYOUTS, Layout, Row
from kdray.errors import DataError

LABELLED = "labelled code"
PATTERNS = (ATLAS.fields[0], "*.jsonl", "*.json")
"""What a folder is searched for: the first that it has."""
SPLITS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "eval", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
ROWS_PER_REPORT = 500


@dataclass(frozen=True)
class Imported:
    """What an import found: the layout's name, the examples, and how many rows were left out."""

    layout: str
    examples: list[Example]
    left_out: int = 0


def import_examples(
    source: str | Path, language: str | None = None, progress: Advance = lambda done, total: None
) -> Imported:
    """Everything that a folder or file holds, in the order of its files and rows.

    Args:
        source: the folder or file.
        language: of labelled code; None takes what it says of itself.
        progress: called with rows done and in all.

    Raises:
        DataError: no layout that is known, with what was found; or a damaged line, with its number.
    """
    root = Path(source)
    files = _files(root)
    first = next((row for path in files[:1] for _, row in _rows(path)), {})
    layout = next((one for one in LAYOUTS if first.keys() >= set(one.fields)), None)
    if layout is None and first.keys() & set(CODES):
        return Imported(LABELLED, labelled_examples(source, language))
    if layout is None:
        raise DataError(_unknown(root, files, first))
    if language not in (None, "java"):
        raise DataError(f"--language {language}: {source} holds {layout.name}, which is Java")
    return _read(root, files, layout, progress)


def _read(root: Path, files: Sequence[Path], layout: Layout, progress: Advance) -> Imported:
    total = sum(_count(path) for path in files)
    examples: list[Example] = []
    done = left_out = 0
    for path in files:
        inside = path.relative_to(root if root.is_dir() else root.parent)
        split = _named_split(inside)
        for number, row in _rows(path):
            try:
                found = layout.read(row)
            except DataError as error:
                raise DataError(f"{path}: line {number}: {layout.name}: {error}") from None
            if found is None:
                left_out += 1
            else:
                examples.append(found.example(split, f"row {number} of {_stem(inside)}"))
            done += 1
            if done % ROWS_PER_REPORT == 0:
                progress(done, total)
    progress(done, total)
    return Imported(layout.name, examples, left_out)


def _files(root: Path) -> list[Path]:
    if not root.exists():
        raise DataError(f"{root}: no such folder or file")
    if root.is_file():
        return [root]
    for pattern in PATTERNS:
        found = sorted([*root.rglob(pattern), *root.rglob(f"{pattern}.gz")])
        real = [path for path in found if not any(part.lower().startswith("abstract") for part in path.parts)]
        if found:
            return real or found
    return []


def _stem(path: Path) -> str:
    return path.with_name(path.name.partition(".")[0]).as_posix()


def _named_split(path: Path) -> Split | None:
    """The split that the nearest of a path's names names."""
    names = reversed(Path(_stem(path)).parts)
    return next((SPLITS[name.lower()] for name in names if name.lower() in SPLITS), None)


def _is_lines(path: Path) -> bool:
    return not path.name.removesuffix(".gz").endswith(".json")


def _count(path: Path) -> int:
    return sum(1 for _ in text_lines(path, errors="replace")) if _is_lines(path) else 1


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a file, each with the number of its line (of the row, in a JSON list)."""
    if path.name.startswith(ATLAS.fields[0]):
        return _line_pairs(path)
    return json_lines(path) if _is_lines(path) else _json_file(path)


def _json_file(path: Path) -> Iterator[tuple[int, Row]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as stream:
            data: Any = json.load(stream)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    for number, row in enumerate(data if isinstance(data, list) else [data], start=1):
        if not isinstance(row, dict):
            raise DataError(f"{path}: row {number}: expected a JSON object")
        yield number, row


def _line_pairs(tests: Path) -> Iterator[tuple[int, Row]]:
    """Lines of one number of ATLAS's two files. Their bytes are not all UTF-8."""
    beside = tests.with_name(tests.name.replace(ATLAS.fields[0], ATLAS.fields[1]))
    if not beside.exists():
        raise DataError(f"{tests}: no {beside.name} beside it")
    assertions = text_lines(beside, errors="replace")
    for number, test in text_lines(tests, errors="replace"):
        other, assertion = next(assertions, (None, ""))
        if other != number:
            raise DataError(f"{tests}: line {number}: no line {number} in {beside.name}")
        yield number, dict(zip(ATLAS.fields, (test.strip(), assertion.strip()), strict=True))
    if (rest := next(assertions, None)) is not None:
        raise DataError(f"{beside}: line {rest[0]}: no line {rest[0]} in {tests.name}")


def _unknown(root: Path, files: Sequence[Path], first: Row) -> str:
    if not files:
        found = f"no file named {', '.join(PATTERNS)} (or .gz)"
    else:
        found = f"{files[0].name} with " + (f"fields {', '.join(list(first)[:8])}" if first else "no row")
    known = [f"{layout.name} ({', '.join(layout.fields)})" for layout in LAYOUTS]
    known.append(f"{LABELLED} (one of {', '.join(CODES)})")
    return f"{root}: no layout that is known: found {found}; expected {'; '.join(known)}"
