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
from dataclasses import replace
from pathlib import Path

from kdray.corpus.example import Example, Split
from kdray.corpus.labelled_row import CODES, Labelled, code_of, id_of, labelled, plain, snippets
from kdray.corpus.left_out import LeftOut
from kdray.corpus.lines import text_lines
from kdray.corpus.rows import Place, Row, data_files, first_rows, form_of, guarded, rows, stem
from kdray.corpus.splits import named_splits, row_split, split_of
from kdray.errors import DataError

LANGUAGE = {"clone": "java", "vulnerability": "c"}
"""Of sources that do not say it: that of BigCloneBench, and that of Devign."""
_PAIR = ("id1", "id2", "label")
_ORDER = ("train", "valid", "test")
_LOOKED_UP = ("data", "function", "functions")
"""What a file with the functions that lists name is called."""


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
    cases = list(_read(path, left_out))
    if not cases:
        raise DataError("; ".join([f"{path}: no labelled code in it", *left_out.lines()]))
    return [
        replace(case, language=language or case.language or LANGUAGE[case.task])
        for case in _told_apart(cases)
    ]


def labelled_examples(
    source: str | Path, language: str | None = None, left_out: LeftOut | None = None
) -> list[Example]:
    """A source as the examples of a corpus; one without splits is split by project, or by id without one."""
    cases = read_labelled(source, language, left_out)
    if all(case.split == "test" for case in cases):
        cases = [replace(case, split=split_of(case.group or case.id)) for case in cases]
    return [case.example() for case in cases]


def _told_apart(cases: Sequence[Labelled]) -> Iterator[Labelled]:
    """Sets number each of their files from 0: an id that was given before gets a number of its own."""
    seen: Counter[str] = Counter()
    for case in cases:
        seen[case.id] += 1
        yield case if seen[case.id] == 1 else replace(case, id=f"{case.id} #{seen[case.id]}")


def _read(root: Path, left_out: LeftOut) -> Iterator[Labelled]:
    files = data_files(root, left_out)
    inside = [path.relative_to(root if root.is_dir() else root.parent) for path in files]
    told = zip(files, named_splits(inside), strict=True)
    named = sorted(told, key=lambda pair: (_ORDER.index(pair[1] or "test"), pair[0]))
    by_stem = {Path(stem(path)).name: path for path, split in named if split is None}
    parts = [(path, split) for path, split in named if split]
    lists = [(path, split) for path, split in parts if not _has_code(path)]
    if lists or "pairs" in by_stem:
        _refuse_two([path for path, split in named if split is None and Path(stem(path)).name in _LOOKED_UP])
    if (data := by_stem.get("data")) and lists:
        used, cases = [data], _listed(lists, _by_id(data, left_out), left_out)
    elif (data := by_stem.get("function")) and lists:
        used, cases = [data], _positions(data, lists, left_out)
    elif (data := by_stem.get("functions")) and (pairs := by_stem.get("pairs")):
        used, cases = [data, pairs], _listed([(pairs, "test"), *lists], _by_id(data, left_out), left_out)
    elif (data := by_stem.get("functions")) and lists:
        used, cases = [data], _listed(lists, _by_id(data, left_out), left_out)
    else:
        # Where some files name a split, what the others hold belongs to none.
        lists = parts or [(path, "test") for path, _ in named]
        used, cases = [], (case for path, split in lists for case in _rows_of(path, root, split, left_out))
    yield from cases
    known = {*used, *(path for path, _ in lists)}
    for path, split in named:
        if path not in known:
            left_out.add(
                f"a file that {'holds code beside lists' if split else 'belongs to no split'}", str(path)
            )


def _refuse_two(files: Sequence[Path]) -> None:
    """Each set numbers its functions from 0: the lists of one would be looked up in another."""
    if len(files) > 1:
        raise DataError(
            f"{files[0]}: what lists are looked up in stands in {files[1]} as well: import each set by itself"
        )


def _has_code(path: Path) -> bool:
    return any(row.keys() & set(CODES) for row in first_rows(path, 1))


def _rows_of(path: Path, root: Path, split: Split, left_out: LeftOut) -> Iterator[Labelled]:
    """The rows of a file that have their code in them."""
    inside = stem(path.relative_to(root if root.is_dir() else root.parent))
    for where, row in guarded(path, rows(path, left_out), left_out):
        with left_out.rather_than_fail(where):
            code, other = snippets(row)
            yield labelled(row, f"row {where.number} of {inside}", code, other, row_split(row) or split)


def _by_id(path: Path, left_out: LeftOut) -> dict[str, str]:
    """Id -> code. An id that is given to two codes means neither."""
    codes: dict[str, str] = {}
    for where, row in guarded(path, rows(path, left_out), left_out):
        with left_out.rather_than_fail(where):
            name, code = id_of(row), code_of(row)
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
                ids = plain(row.get("id1")), plain(row.get("id2"))
                if not all(ids):
                    raise DataError("a pair has id1, id2 and label")
                if missing := next((name for name in ids if not codes.get(name)), ""):
                    raise DataError(f"no function '{missing}'")
                first, second = (codes[name] for name in ids)
                yield labelled({**row, "id": " ".join(ids), "idx": None}, "", first, second, split)


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
    functions = {place.number - 1: row for place, row in guarded(data, rows(data, left_out), left_out)}
    for path, split in lists:
        for number, text in guarded(path, text_lines(path, left_out), left_out):
            with left_out.rather_than_fail(Place(path, "line", number)):
                row = functions.get(int(text)) if text.strip().isdecimal() else None
                if row is None:
                    raise DataError(f"'{text.strip()}' is no position in {data.name}")
                yield labelled({**row, "idx": int(text)}, "", code_of(row), "", split)
