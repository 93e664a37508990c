"""Long benchmarks in pieces: what a cell (a problem, a method, a seed) gave is one line of a file, and is not
computed again. `--cells FILE --minutes 8` stops in time; the same command again goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Cells:
    """Cells by key. Without a file nothing is kept."""

    def __init__(self, file: str | None, minutes: float) -> None:
        self._path = Path(file) if file else None
        self._until = time.monotonic() + 60 * minutes
        lines = self._path.read_text().splitlines() if self._path and self._path.exists() else []
        self._known = {json.dumps(cell["key"]): cell["value"] for cell in map(json.loads, lines)}

    def get(self, *key: Any, compute: Callable[[], Any]) -> Any:
        """The value of a cell. Ends the process where the time is up and cells are missing."""
        name = json.dumps(key)
        if name not in self._known:
            if time.monotonic() > self._until:
                print(json.dumps({"unfinished": f"{len(self._known)} cells are done, next {name}"}))
                sys.exit(1)
            self._known[name] = compute()
            if self._path:
                with self._path.open("a") as file:
                    file.write(json.dumps({"key": key, "value": self._known[name]}) + "\n")
        return self._known[name]


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--cells` and `--minutes`."""
    parser.add_argument("--cells", help="file that keeps what is finished, to go on with it")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
