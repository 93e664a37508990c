"""A text file that keeps what is said and warned of while something runs, each line with its date and time.

A local one grows line by line; nothing behind a URI can grow, so there it is written whole at each `flush`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from kdray.console import KEPT, Printable, printable
from kdray.errors import KdrayError
from kdray.storage import exists, is_uri, read_bytes, write_atomic

STAMP = "%Y-%m-%d %H:%M:%S"
NAME = "log.txt"


class LogFile(logging.Handler):
    """The file at a path or URI; what is there already stays.

    What cannot be written is lost without a word: nobody's work ends because of its log.
    """

    def __init__(self, location: str) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(Printable("%(levelname)s %(message)s"))
        self._location = location.removeprefix("file://")
        self._waiting = ""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        self.write(self.format(record))

    def write(self, text: str) -> None:
        """Adds a line, or several."""
        stamp = time.strftime(STAMP)
        self._waiting += "".join(
            f"{stamp}  {line}\n" for line in printable(text).splitlines() if line.strip()
        )
        if not is_uri(self._location):
            self.flush()

    def flush(self) -> None:
        """Writes what waits to be written."""
        waiting, self._waiting = getattr(self, "_waiting", ""), ""
        if not waiting:
            return
        with contextlib.suppress(Exception):
            if is_uri(self._location):
                before = read_bytes(self._location).decode() if exists(self._location) else ""
                write_atomic(self._location, before + waiting)
                return
            path = Path(self._location)
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "a", encoding="utf-8", opener=_opened) as file:
                file.write(waiting)

    def give_up(self) -> None:
        """Nothing of what waits is written: the storage does not answer."""
        self._waiting = ""


def _opened(path: str, flags: int) -> int:
    """A file and nothing else: the folder may be somebody else's, with a link or a pipe in the log's place."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)


@contextlib.contextmanager
def keeping(location: str) -> Iterator[LogFile]:
    """A log file that hears everything that is said and logged while the block runs, and what ended it."""
    kept, root, own = LogFile(location), logging.getLogger(), logging.getLogger("kdray")
    # Whoever has a handler has no handler of last resort, and a warning is still to be seen.
    added = [kept] if root.handlers or logging.lastResort is None else [kept, logging.lastResort]
    level = own.level
    own.setLevel(min(level or logging.INFO, logging.INFO))
    for handler in added:
        root.addHandler(handler)
    KEPT.append(kept.write)
    try:
        yield kept
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        told = isinstance(error, KdrayError | KeyboardInterrupt | SystemExit)
        kept.write(f"ended by {type(error).__name__}: {error}" if told else traceback.format_exc())
        raise
    finally:
        KEPT.remove(kept.write)
        for handler in added:
            root.removeHandler(handler)
        own.setLevel(level)
        kept.flush()
