"""What came of assertions that were run on this machine before: the students of a sweep repeat each other.

A SQLite file for each plan beside kdray's cache, which every trial of this machine reads and adds to. Without it
everything is run again: it is never in the way.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from kdray.execution.case import Verdict
from kdray.execution.judged import Answer
from kdray.teacher.cache import folder

Asked = tuple[str, str]
"""Id of a case, and a text."""
_WAIT_S = 10.0


class KnownRuns:
    """The runs of one plan."""

    def __init__(self, plan: str) -> None:
        """Args: plan: a fingerprint of all that the outcome of a run depends on."""
        cache = folder()
        self._file = cache.with_name(f"{cache.name}-runs") / f"{plan}.sqlite"

    def known(self, asked: Sequence[Asked]) -> dict[Asked, Answer]:
        """Those of these that were run before."""
        wanted = set(asked)
        damaged = (sqlite3.Error, OSError, ValueError, TypeError)
        with contextlib.suppress(*damaged), self._opened() as table:
            rows = table.execute("SELECT name, text, verdict, killed FROM runs").fetchall()
            return {
                (name, text): Answer(verdict, [bool(each) for each in json.loads(killed)])
                for name, text, verdict, killed in rows
                if (name, text) in wanted and verdict in get_args(Verdict)
            }
        return {}

    def keep(self, ran: Mapping[Asked, Answer]) -> None:
        """Adds what came of some."""
        if not ran:
            return
        rows = [(*asked, answer.verdict, json.dumps(list(answer.killed))) for asked, answer in ran.items()]
        with contextlib.suppress(sqlite3.Error, OSError, ValueError), self._opened() as table:
            table.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)", rows)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self._file, timeout=_WAIT_S)) as table, table:
            table.execute(
                "CREATE TABLE IF NOT EXISTS runs (name TEXT, text TEXT, verdict TEXT, killed TEXT,"
                " PRIMARY KEY (name, text))"
            )
            yield table
