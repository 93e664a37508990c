"""Code with a class: pairs of snippets that are clones or not, functions that are vulnerable or not.

`read_labelled` takes what is around, a folder or one file, plain or gzipped:

- CodeXGLUE's BigCloneBench: `data.jsonl` (idx, func), lists `train.txt`, `valid.txt`, `test.txt` (id, id, label);
- CodeXGLUE's Devign: `function.json` (a list of func, target) and lists of positions, or `train.jsonl` ... with
  func, target, idx;
- functions in `functions.jsonl` (id, code) with pairs in `pairs.jsonl` (id1, id2, label) or `train.tsv` ...;
- JSON lines of pairs (code1, code2, label) or functions (code or func, label or target).

A `substitutes` field proposes other names for each identifier of the first snippet. Where a source has no lists,
all of it belongs to the test split. A path that two kinds would fit is read as the first of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from kdray.corpus.example import Example, Split
from kdray.corpus.lines import json_lines, text_lines
from kdray.corpus.splits import split_of
from kdray.errors import DataError
from kdray.storage import fingerprint

SPLITS: tuple[Split, ...] = ("train", "valid", "test")
_IDS = ("idx", "id")
CODES = ("code", "func", "code1", "func1")
_OTHERS = ("code2", "func2")
_LABELS = ("label", "target")
LANGUAGE = {"clone": "java", "vulnerability": "c"}
"""Of sources that do not say it: that of BigCloneBench, and that of Devign."""


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


def read_labelled(source: str | Path, language: str | None = None) -> list[Labelled]:
    """Everything that a folder or file holds, in its order.

    Args:
        source: see the module.
        language: of all code; None takes what a line says in `language`, else Java for pairs and C for functions.

    Raises:
        DataError: nothing that can be read, or a line that is damaged, named with its number.
    """
    path = Path(source)
    found = list(_folder(path) if path.is_dir() else _lines_of(path, "test"))
    if not found:
        raise DataError(f"{path}: no labelled code in it")
    return [_with_language(one, language) for one in found]


def labelled_examples(source: str | Path, language: str | None = None) -> list[Example]:
    """A source as the examples of a corpus; one without lists is split by project, or by id without one."""
    found = read_labelled(source, language)
    if all(one.split == "test" for one in found):
        found = [replace(one, split=split_of(one.group or one.id)) for one in found]
    return [one.example() for one in found]


def _with_language(one: Labelled, language: str | None) -> Labelled:
    return replace(one, language=language or one.language or LANGUAGE[one.task])


def _folder(folder: Path) -> Iterator[Labelled]:
    if (data := _find(folder, "data.jsonl")) is not None:
        return _pairs(_codes(data), [(split, _find(folder, f"{split}.txt")) for split in SPLITS])
    if (data := _find(folder, "function.json")) is not None:
        return _positions(data, folder)
    if (data := _find(folder, "functions.jsonl")) is not None:
        codes = _codes(data)
        if (pairs := _find(folder, "pairs.jsonl")) is not None:
            return _pairs(codes, [("test", pairs)])
        return _pairs(codes, [(split, _find(folder, f"{split}.tsv")) for split in SPLITS])
    return _splits(folder)


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)


def _splits(folder: Path) -> Iterator[Labelled]:
    """`train.jsonl` and so on; or whatever JSON lines there are, as one split."""
    named = [(split, _find(folder, f"{split}.jsonl")) for split in SPLITS]
    if not any(path for _, path in named):
        files = sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
        named = [("test", path) for path in files]
    for split, path in named:
        if path is not None:
            yield from _lines_of(path, split)


def _lines_of(path: Path, split: Split) -> Iterator[Labelled]:
    for number, line in json_lines(path):
        code, other = _first(line, CODES), _first(line, _OTHERS)
        if not isinstance(code, str):
            raise DataError(f"{path}: line {number}: no code, expected one of {', '.join(CODES)}")
        yield _labelled(path, number, line, code, other or "", split)


def _labelled(
    path: Path, number: int, line: Mapping[str, Any], code: str, other: str, split: Split
) -> Labelled:
    label = str(_first(line, _LABELS))
    if label not in ("0", "1", "True", "False"):
        raise DataError(f"{path}: line {number}: label {label!r}, expected 0 or 1")
    name = _first(line, _IDS)
    return Labelled(
        id=str(number if name is None else name),
        code=code,
        other=other,
        label=int(label in ("1", "True")),
        language=str(line.get("language", "")),
        split=split,
        group=str(line.get("project", "")),
        substitutes=line.get("substitutes") or {},
    )


def _codes(path: Path) -> dict[str, str]:
    return {str(_first(line, _IDS)): str(_first(line, CODES)) for _, line in json_lines(path)}


def _pairs(codes: Mapping[str, str], lists: Sequence[tuple[str, Path | None]]) -> Iterator[Labelled]:
    for split, path in lists:
        if path is None:
            continue
        for number, line in _pair_lines(path):
            one, two = str(line["id1"]), str(line["id2"])
            if one not in codes or two not in codes:
                missing = one if one not in codes else two
                raise DataError(f"{path}: line {number}: no function '{missing}'")
            named = {**line, "id": f"{one} {two}"}
            yield _labelled(path, number, named, codes[one], codes[two], cast(Split, split))


def _pair_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if ".jsonl" in path.name:
        for number, line in json_lines(path):
            if not {"id1", "id2"} <= line.keys():
                raise DataError(f"{path}: line {number}: a pair has id1, id2 and label")
            yield number, line
        return
    for number, text in text_lines(path):
        parts = text.split()
        if len(parts) != 3:
            raise DataError(f"{path}: line {number}: expected two ids and a label")
        yield number, {"id1": parts[0], "id2": parts[1], "label": parts[2]}


def _positions(data: Path, folder: Path) -> Iterator[Labelled]:
    """Devign as it is published: one list of functions, and for each split the positions in it."""
    try:
        functions = json.loads("".join(text for _, text in text_lines(data)))
    except ValueError as error:
        raise DataError(f"{data}: not JSON: {error}") from error
    for split in SPLITS:
        path = _find(folder, f"{split}.txt")
        for number, text in text_lines(path) if path else ():
            if not text.strip().isdecimal() or int(text) >= len(functions):
                raise DataError(f"{path}: line {number}: '{text.strip()}' is no position in {data.name}")
            line = {"idx": int(text), **functions[int(text)]}
            yield _labelled(data, int(text), line, str(_first(line, CODES)), "", split)


def _first(line: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((line[name] for name in names if name in line), None)
