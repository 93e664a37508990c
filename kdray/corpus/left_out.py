"""What a reader or a miner leaves out: how often for each reason, and where first.

One bad row or file never costs the others: whoever finds one says so here and goes on. A corpus keeps the sums
(`kdray corpus show`). Where nothing may be missing, a strict one refuses instead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdray.errors import DataError

MAX_REASONS = 40
MAX_ALIKE = 6
"""Reasons that differ in what they name alone: a damaged file may have one for each row. More count as one."""
OTHER = "for other reasons"
"""Where reasons are counted behind `MAX_REASONS`."""
_NAMED = re.compile(r"'[^']*'|\d+")


@dataclass
class LeftOut:
    """Reason -> how often, and the first place.

    Attributes:
        strict: whether `add` raises `DataError` instead of counting.
    """

    strict: bool = False
    _found: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, reason: str, where: object, count: int = 1) -> None:
        """Counts what is left out at a place (`file: line 3`). Raises `DataError` where that is not allowed."""
        if self.strict:
            raise DataError(f"{where}: {reason}")
        name = self._name(reason)
        before, first = self._found.get(name) or (0, str(where))
        self._found[name] = before + count, first

    def _name(self, reason: str) -> str:
        """Under which reason one is counted."""
        if reason in self._found:
            return reason
        kind = _NAMED.sub("…", reason)
        if sum(_NAMED.sub("…", known) == kind for known in self._found) >= MAX_ALIKE:
            return kind
        return reason if len(self._found) < MAX_REASONS else OTHER

    @contextmanager
    def rather_than_fail(self, where: object) -> Iterator[None]:
        """Counts a `DataError` of the block, and what nests too deeply for Python."""
        try:
            yield
        except (DataError, RecursionError) as error:
            reason = str(error) if isinstance(error, DataError) else "nested too deeply"
            self.add(reason.removeprefix(f"{where}: "), where)

    def merge(self, other: LeftOut) -> None:
        """Adds what another one counted, later."""
        for reason, (count, first) in other._found.items():
            self.add(reason, first, count)

    @property
    def total(self) -> int:
        """How many were left out."""
        return sum(count for count, _ in self._found.values())

    def because(self) -> dict[str, dict[str, Any]]:
        """Reason -> `count` and `first`, most frequent first."""
        ordered = sorted(self._found.items(), key=lambda item: -item[1][0])
        return {reason: {"count": count, "first": first} for reason, (count, first) in ordered}

    def lines(self) -> list[str]:
        """As a person reads it."""
        return told(self.because())


def told(because: dict[str, dict[str, Any]]) -> list[str]:
    """What was left out, a line a reason."""
    return [
        f"left out {entry['count']:,}, first {entry['first']}: {reason}" for reason, entry in because.items()
    ]


def plain_path(path: str | Path) -> str:
    """A path as text that every file and terminal takes: bytes that are no UTF-8 are written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
