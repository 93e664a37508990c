"""Which layout a folder or file of somebody else's data has, and its examples.

Told by the fields of a first row, in most files: labelled code (`labelled`) or Java assertions (`published`); what
forms of files are read: see `rows`. The split is told by the name of a file or folder (`train`, `Training`,
`eval.jsonl`, ...), or by a row that says it; without one it is a hash of the project. Nothing is de-duplicated: a
published set stays what it is. Where a set has a second copy with abstract names (a folder `abstract...`), the one
with the real names is read.

Not covered: archives of several files (tar, zip).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kdray.console import Advance
from kdray.corpus.decode import western
from kdray.corpus.example import Example, Split
from kdray.corpus.labelled import labelled_examples
from kdray.corpus.labelled_row import CODES
from kdray.corpus.left_out import LeftOut
from kdray.corpus.lines import bare_name, byte_lines, unpacked
from kdray.corpus.published_sets import ATLAS, LAYOUTS, Layout
from kdray.corpus.rows import Place, Row, data_files, first_rows, guarded, rows, stem
from kdray.corpus.splits import named_splits, row_split, with_unique_ids
from kdray.errors import DataError

LABELLED = "labelled code"
ROWS_PER_REPORT = 500
_LOOKED_AT = 20
"""Rows that tell a layout: the first of a file may be damaged."""
_ABSTRACT = re.compile(r"abstract(ed|ions?)?(?![a-z])", re.IGNORECASE)
"""How the name of a copy with abstract names begins, and not that of a test of an `AbstractCart`."""


@dataclass(frozen=True)
class Imported:
    """What an import found: the layout's name, the examples, and what was left out."""

    layout: str
    examples: list[Example]
    why: LeftOut = field(default_factory=LeftOut)

    @property
    def left_out(self) -> int:
        """How many rows and files were left out."""
        return self.why.total


class Importing(NamedTuple):
    """An import on its way: its layout's name, the examples, which are read once, and what was left out so far."""

    layout: str
    examples: Iterator[Example]
    why: LeftOut


def import_examples(
    source: str | Path, language: str | None = None, progress: Advance = lambda done, total: None
) -> Imported:
    """Everything that a folder or file holds, at once (see `importing`)."""
    found = importing(source, language, progress)
    return Imported(found.layout, list(found.examples), found.why)


def importing(
    source: str | Path, language: str | None = None, progress: Advance = lambda done, total: None
) -> Importing:
    """Everything that a folder or file holds, in the order of its files and rows.

    Args:
        source: the folder or file.
        language: of labelled code; None takes what it says of itself.
        progress: called with rows done and in all.

    Raises:
        DataError: no layout that is known, with what was found; or, at the end of the examples, nothing that could
            be read, with the reasons.
    """
    root, left_out = Path(source), LeftOut()
    files = _real_names(data_files(root, left_out), left_out)
    layouts = [_layout_of(path) for path in files]
    known = Counter(layout for layout in layouts if layout is not None)
    layout = next((layout for layout, _ in known.most_common(1)), None)
    if layout == LABELLED:
        left_out = LeftOut()  # it looks through the files itself
        found = labelled_examples(source, language, left_out)
        return Importing(LABELLED, with_unique_ids(found), left_out)
    if not isinstance(layout, Layout):
        raise DataError(_unknown(root, files, left_out))
    if language not in (None, "java"):
        raise DataError(f"--language {language}: {source} holds {layout.name}, which is Java")
    chosen = [path for path, other in zip(files, layouts, strict=True) if other == layout]
    of_one = all(_is_one_object(path) for path in chosen[:_LOOKED_AT])
    for path, other in zip(files, layouts, strict=True):
        # Among files of many rows, one object of JSON says something about the set.
        is_beside = path.name.startswith(ATLAS.fields[1]) or (not of_one and _is_one_object(path))
        if other != layout and (other is not None or not is_beside):
            left_out.add(f"a file without rows of {layout.name}", path)
    examples = _read(root, chosen, layout, left_out, progress)
    return Importing(layout.name, with_unique_ids(examples), left_out)


def _read(
    root: Path, files: Sequence[Path], layout: Layout, left_out: LeftOut, progress: Advance
) -> Iterator[Example]:
    total = sum(_count(path) for path in files)
    inside = [path.relative_to(root if root.is_dir() else root.parent) for path in files]
    done = found = 0
    for path, name, split in zip(files, inside, named_splits(inside), strict=True):
        for place, row in guarded(path, _rows(path, left_out), left_out):
            done, example = done + 1, None
            with left_out.rather_than_fail(place):
                example = _example(layout, row, split, f"row {place.number} of {stem(name)}")
            if example is not None:
                found += 1
                yield example
            if done % ROWS_PER_REPORT == 0:
                progress(done, max(done, total))
    progress(done, done)
    if not found:
        raise DataError("; ".join([f"{root}: nothing of {layout.name} could be read", *left_out.lines()]))


def _example(layout: Layout, row: Row, split: Split | None, name: str) -> Example:
    try:
        return layout.read(row).example(split or row_split(row), name)
    except DataError as error:
        raise DataError(f"{layout.name}: {error}") from None


def _real_names(files: Sequence[Path], left_out: LeftOut) -> list[Path]:
    abstract = [path for path in files if any(map(_ABSTRACT.match, path.parts))]
    if len(abstract) == len(files):
        return abstract
    for path in abstract:
        left_out.add("a copy with abstract names", path)
    return [path for path in files if path not in abstract]


def _layout_of(path: Path) -> Layout | str | None:
    """The layout of a file's first rows; None for none that is known."""
    if _is_atlas(path):
        return ATLAS
    for row in first_rows(path, _LOOKED_AT):
        layout = next((layout for layout in LAYOUTS if row.keys() >= set(layout.fields)), None)
        if layout is not None:
            return layout
        if row.keys() & set(CODES):
            return LABELLED
    return None


def _is_atlas(path: Path) -> bool:
    return path.name.startswith(ATLAS.fields[0])


def _is_one_object(path: Path) -> bool:
    return bare_name(path).endswith(".json") and len(first_rows(path, 2)) == 1


def _count(path: Path) -> int:
    """Rows of a file, about: of what is no text, one."""
    if bare_name(path).endswith(".json"):
        return 1
    try:
        with unpacked(path) as stream:
            return max(1, sum(block.count(b"\n") for block in iter(lambda: stream.read(2**20), b"")))
    except DataError:
        return 1


def _rows(path: Path, left_out: LeftOut) -> Iterator[tuple[Place, Row]]:
    """The rows of a file with their places."""
    return _line_pairs(path, left_out) if _is_atlas(path) else rows(path, left_out)


def _line_pairs(tests: Path, left_out: LeftOut) -> Iterator[tuple[Place, Row]]:
    """Lines of one number of ATLAS's two files. Their bytes are not all UTF-8."""
    beside = tests.with_name(tests.name.replace(ATLAS.fields[0], ATLAS.fields[1]))
    if not beside.exists():
        raise DataError(f"{tests}: no {beside.name} beside it")
    pair = [dict(byte_lines(path, left_out)) for path in (tests, beside)]
    ends = [max(lines, default=0) for lines in pair]
    if ends[0] != ends[1]:
        # One line too few and every pair behind it is a wrong one.
        missing, name = min(ends) + 1, beside.name if ends[0] > ends[1] else tests.name
        raise DataError(f"{tests}: line {missing}: no line {missing} in {name}")
    if not any(ends):
        left_out.add("a file without a row", tests)
    for number in sorted(pair[0].keys() | pair[1].keys()):
        place, row = Place(tests, "line", number), None
        with left_out.rather_than_fail(place):
            texts = (_text(lines.get(number, b"")) for lines in pair)
            row = dict(zip(ATLAS.fields, texts, strict=True))
        if row:
            yield place, row


def _text(data: bytes) -> str:
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        text = western(data)
    if text is None:
        raise DataError("encoding: neither UTF-8 nor Latin")
    return text.strip()


def _unknown(root: Path, files: Sequence[Path], left_out: LeftOut) -> str:
    if not files:
        shown = "no file with data"
    else:
        first = first_rows(files[0], 1)
        shown = f"{files[0].name} with "
        shown += f"fields {', '.join(list(first[0])[:8])}" if first else "no row"
        for path in files[:3]:
            list(guarded(path, _rows(path, left_out), left_out))
    known = [f"{layout.name} ({', '.join(layout.fields)})" for layout in LAYOUTS]
    known.append(f"{LABELLED} (one of {', '.join(CODES)})")
    said = f"{root}: no layout that is known: found {shown}; expected {'; '.join(known)}"
    return "; ".join([said, *left_out.lines()])
