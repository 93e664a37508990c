"""One input with its class: a pair of snippets or a function, and how a row of somebody else's data says it.

The names that the published sets give to the fields are known here, which files hold such rows in `labelled`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kdray.corpus.example import Example, Split
from kdray.corpus.rows import Row
from kdray.errors import DataError
from kdray.storage import fingerprint

_IDS = ("idx", "id")
CODES = ("code", "func", "code1", "func1")
_OTHERS = ("code2", "func2")
_LABELS = ("label", "target")
_CLASSES = {"0": 0, "1": 1, "false": 0, "true": 1, "0.0": 0, "1.0": 1}
LANGUAGES = ("python", "java", "c")


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


def labelled(row: Row, name: str, code: str, other: str, split: Split) -> Labelled:
    """A row's input with its class.

    Args:
        row: the row.
        name: its id where it does not say its own.
        code: the snippet, the first one of a pair.
        other: the second one, or "".
        split: of the source.

    Raises:
        DataError: that does not say where.
    """
    label = _first(row, _LABELS)
    if str(label).lower() not in _CLASSES:
        raise DataError(f"label '{str(label)[:40]}', expected 0 or 1" if label is not None else "no label")
    language = plain(row.get("language")).lower()
    if language and language not in LANGUAGES:
        raise DataError(f"language {language!r}, expected one of {', '.join(LANGUAGES)}")
    return Labelled(
        id=id_of(row) or name,
        code=code,
        other=other,
        label=_CLASSES[str(label).lower()],
        language=language,
        split=split,
        group=plain(row.get("project")),
        substitutes=_substitutes(row.get("substitutes")),
    )


def _substitutes(value: Any) -> dict[str, list[str]]:
    """The names proposed, where there are some: a table has the identifiers of any row in all of them."""
    if not isinstance(value, dict | None):
        raise DataError("substitutes: expected an object of lists of names")
    proposed = {name: names for name, names in (value or {}).items() if names is not None}
    for names in proposed.values():
        if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
            raise DataError("substitutes: expected an object of lists of names")
    return proposed


def snippets(row: Row) -> tuple[str, str]:
    """The code of a row, and the second snippet of a pair, "" for a function. Raises `DataError` without one."""
    code, other = code_of(row), ""
    if any(name in row for name in _OTHERS) or "code1" in row or "func1" in row:
        other = _text(row, _OTHERS, "no second snippet")
    return code, other


def id_of(row: Row) -> str:
    """What a row calls itself, "" for nothing."""
    return plain(_first(row, _IDS))


def code_of(row: Row) -> str:
    """The code of a row. Raises `DataError` without it."""
    return _text(row, CODES, f"no code, expected one of {', '.join(CODES)}")


def _text(row: Row, names: Sequence[str], missing: str) -> str:
    name = next((name for name in names if row.get(name) is not None), "")
    value = row[name] if name else ""
    if not isinstance(value, (str, float)):  # NaN is what pandas has in place of a text
        raise DataError(f"{name}: expected text, found {type(value).__name__}")
    if not isinstance(value, str) or not value.strip():
        raise DataError(missing)
    return value


def plain(value: Any) -> str:
    """An id or a name as text; "" for none, and for what a table has in its place."""
    if value is None or value != value or isinstance(value, (dict, list)):
        return ""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()


def _first(row: Row, names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)
