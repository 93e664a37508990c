"""Code with a class: pairs of snippets that are clones or not, functions that are vulnerable or not.

`read_labelled` takes what is around, a folder or one file, in any form that `rows` reads:

- CodeXGLUE's BigCloneBench: `data.jsonl` (idx, func), lists `train.txt`, `valid.txt`, `test.txt` (id, id, label);
- CodeXGLUE's Devign: `function.json` (a list of func, target) and lists of positions, or `train.jsonl` ... with
  func, target, idx;
- functions in `functions.jsonl` (id, code) with pairs in `pairs.jsonl` (id1, id2, label) or `train.tsv` ...;
- rows of pairs (code1, code2, label) or functions (code or func, label or target).

A `substitutes` field proposes other names for each identifier of the first snippet. Splits are told by names (see
`splits`); where a source names none, all of it belongs to the test split. A row without its code, its label or an
id that is looked up is left out; a pair without its second snippet too, for it is no function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kdray.corpus.example import Example, Split
from kdray.corpus.left_out import LeftOut
from kdray.corpus.lines import text_lines
from kdray.corpus.rows import Place, Row, data_files, form_of, guarded, rows, stem
from kdray.corpus.splits import named_splits, row_split, split_of
from kdray.errors import DataError
from kdray.storage import fingerprint

_IDS = ("idx", "id")
CODES = ("code", "func", "code1", "func1")
_OTHERS = ("code2", "func2")
_LABELS = ("label", "target")
_CLASSES = {"0": 0, "1": 1, "false": 0, "true": 1, "0.0": 0, "1.0": 1}
LANGUAGE = {"clone": "java", "vulnerability": "c"}
"""Of sources that do not say it: that of BigCloneBench, and that of Devign."""
LANGUAGES = ("python", "java", "c")
_PAIR = ("id1", "id2", "label")
_ORDER = ("train", "valid", "test")


@dataclass(frozen=True)
class Labelled:
    """One input and its class.

    Attributes:
        id: unique within the source.
        code: the snippet, the first one of a pair.
        other: the second snippet of a pair, "" for a function.
        label: 1 for a clone or a vulnerable function, else 0.
        language: `python`, `java` or `c`.
        split: of the source.
        group: what may not stand in two splits, where the source says (a project), else the id.
        substitutes: identifier of `code` -> proposed names.
    """

    id: str
    code: str
    other: str
    label: int
    language: str
    split: Split = "test"
    group: str = ""
    substitutes: Mapping[str, Sequence[str]] = field(default_factory=dict, hash=False)

    @property
    def task(self) -> str:
        """`clone` or `vulnerability`."""
        return "clone" if self.other else "vulnerability"

    def example(self) -> Example:
        """As a corpus holds it (see `kdray.tasks.classification`)."""
        name = fingerprint(self.id, self.code, self.other)
        return Example(
            name,
            self.group or self.id,
            self.language,
            self.id,
            self.other,
            self.code,
            str(self.label),
            self.split,
        )


def read_labelled(
    source: str | Path, language: str | None = None, left_out: LeftOut | None = None
) -> list[Labelled]:
    """Everything that a folder or file holds, in the order of its splits and files.

    Args:
        source: see the module.
        language: of all code; None takes what a row says in `language`, else Java for pairs and C for functions.
        left_out: counts what cannot be read; None lets nothing be left out.

    Raises:
        DataError: nothing that can be read; without `left_out` a row that is damaged, named with its place.
    """
    path = Path(source)
    left_out = LeftOut(strict=True) if left_out is None else left_out
    found = list(_read(path, left_out))
    if not found:
        raise DataError("; ".join([f"{path}: no labelled code in it", *left_out.lines()]))
    return [
        replace(one, language=language or one.language or LANGUAGE[one.task]) for one in _told_apart(found)
    ]


def labelled_examples(
    source: str | Path, language: str | None = None, left_out: LeftOut | None = None
) -> list[Example]:
    """A source as the examples of a corpus; one without splits is split by project, or by id without one."""
    found = read_labelled(source, language, left_out)
    if all(one.split == "test" for one in found):
        found = [replace(one, split=split_of(one.group or one.id)) for one in found]
    return [one.example() for one in found]


def _told_apart(found: Sequence[Labelled]) -> Iterator[Labelled]:
    """Sets number each of their files from 0: an id that was given before gets a number of its own."""
    seen: Counter[str] = Counter()
    for one in found:
        seen[one.id] += 1
        yield one if seen[one.id] == 1 else replace(one, id=f"{one.id} #{seen[one.id]}")


def _read(root: Path, left_out: LeftOut) -> Iterator[Labelled]:
    files = data_files(root, left_out)
    inside = [path.relative_to(root if root.is_dir() else root.parent) for path in files]
    found = zip(files, named_splits(inside), strict=True)
    named = sorted(found, key=lambda one: (_ORDER.index(one[1] or "test"), one[0]))
    by_stem = {Path(stem(path)).name: path for path, split in named if split is None}
    lists = [(path, split) for path, split in named if split]
    if (data := by_stem.get("data")) and lists:
        used, found_in = [data], _listed(lists, _by_id(data, left_out), left_out)
    elif data := by_stem.get("function"):
        used, found_in = [data], _positions(data, lists, left_out)
    elif (data := by_stem.get("functions")) and (pairs := by_stem.get("pairs")):
        used, found_in = [data, pairs], _listed([(pairs, "test"), *lists], _by_id(data, left_out), left_out)
    elif (data := by_stem.get("functions")) and lists:
        used, found_in = [data], _listed(lists, _by_id(data, left_out), left_out)
    else:
        # Where some files name a split, what the others hold belongs to none.
        chosen = lists or [(path, "test") for path, _ in named]
        used, found_in = [], (one for path, split in chosen for one in _rows_of(path, root, split, left_out))
        lists = chosen
    yield from found_in
    known = {*used, *(path for path, _ in lists)}
    for path, _ in named:
        if path not in known:
            left_out.add("a file that belongs to no split", str(path))


def _rows_of(path: Path, root: Path, split: Split, left_out: LeftOut) -> Iterator[Labelled]:
    """The rows of a file that have their code in them."""
    inside = stem(path.relative_to(root if root.is_dir() else root.parent))
    for where, row in guarded(path, rows(path, left_out), left_out):
        with left_out.rather_than_fail(where):
            code, other = _code(row), ""
            if any(name in row for name in _OTHERS) or "code1" in row or "func1" in row:
                other = _text(row, _OTHERS, "no second snippet")
            yield _labelled(row, f"row {where.number} of {inside}", code, other, row_split(row) or split)


def _labelled(row: Row, name: str, code: str, other: str, split: Split) -> Labelled:
    """Raises `DataError` that does not say where."""
    label = _first(row, _LABELS)
    if str(label).lower() not in _CLASSES:
        raise DataError(f"label '{label}', expected 0 or 1" if label is not None else "no label")
    language = _plain(row.get("language")).lower()
    if language and language not in LANGUAGES:
        raise DataError(f"language {language!r}, expected one of {', '.join(LANGUAGES)}")
    substitutes = row.get("substitutes") or {}
    if not isinstance(substitutes, dict):
        raise DataError("substitutes: expected an object of lists of names")
    return Labelled(
        id=_plain(_first(row, _IDS)) or name,
        code=code,
        other=other,
        label=_CLASSES[str(label).lower()],
        language=language,
        split=split,
        group=_plain(row.get("project")),
        substitutes=substitutes,
    )


def _by_id(path: Path, left_out: LeftOut) -> dict[str, str]:
    """Id -> code. An id that is given to two codes means neither."""
    codes: dict[str, str] = {}
    for where, row in guarded(path, rows(path, left_out), left_out):
        with left_out.rather_than_fail(where):
            name, code = _plain(_first(row, _IDS)), _code(row)
            if not name:
                raise DataError("no id")
            if codes.setdefault(name, code) != code:
                codes[name] = ""
                raise DataError(f"id '{name}' stands for another code as well")
    return codes


def _listed(
    lists: Sequence[tuple[Path, Split]], codes: Mapping[str, str], left_out: LeftOut
) -> Iterator[Labelled]:
    """Pairs of ids with their label."""
    for path, split in lists:
        for where, row in guarded(path, _pair_rows(path, left_out), left_out):
            with left_out.rather_than_fail(where):
                ids = _plain(row.get("id1")), _plain(row.get("id2"))
                if not all(ids):
                    raise DataError("a pair has id1, id2 and label")
                if missing := next((name for name in ids if not codes.get(name)), ""):
                    raise DataError(f"no function '{missing}'")
                one, two = (codes[name] for name in ids)
                yield _labelled({**row, "id": " ".join(ids), "idx": None}, "", one, two, split)


def _pair_rows(path: Path, left_out: LeftOut) -> Iterator[tuple[Place, Row]]:
    if form_of(path):
        yield from rows(path, left_out)
        return
    for number, text in text_lines(path, left_out):
        where = Place(path, "line", number)
        parts = text.split()
        if parts == list(_PAIR) and number == 1:
            continue  # their names
        if len(parts) == 3:
            yield where, dict(zip(_PAIR, parts, strict=True))
        else:
            left_out.add("expected two ids and a label", where)


def _positions(data: Path, lists: Sequence[tuple[Path, Split]], left_out: LeftOut) -> Iterator[Labelled]:
    """Devign as it is published: one list of functions, and for each split the positions in it."""
    functions = {place.number - 1: row for place, row in rows(data, left_out)}
    for path, split in lists:
        for number, text in guarded(path, text_lines(path, left_out), left_out):
            with left_out.rather_than_fail(Place(path, "line", number)):
                row = functions.get(int(text)) if text.strip().isdecimal() else None
                if row is None:
                    raise DataError(f"'{text.strip()}' is no position in {data.name}")
                yield _labelled({**row, "idx": int(text)}, "", _code(row), "", split)


def _code(row: Row) -> str:
    return _text(row, CODES, f"no code, expected one of {', '.join(CODES)}")


def _text(row: Row, names: Sequence[str], missing: str) -> str:
    value = _first(row, names)
    if not isinstance(value, str) or not value.strip():
        raise DataError(missing)
    return value


def _plain(value: Any) -> str:
    """An id or a name as text; "" for none, and for what a table has in its place."""
    if value is None or value != value or isinstance(value, (dict, list)):
        return ""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()


def _first(row: Row, names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)
