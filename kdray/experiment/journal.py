"""The journal of a study behind a URI: in pieces, each written whole, and read into a file of this machine first.

study.journal/000000, 000001, ...   lines of Optuna's journal; only the last piece is ever written again

A driver begins a piece of its own, so that no two write the same one, and seals the last (see `journal_pieces`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend

from kdray import storage
from kdray.experiment.journal_lines import sound_lines
from kdray.experiment.journal_pieces import Pieces

log = logging.getLogger(__name__)

PIECE_BYTES = 2**16


class RemoteJournal(JournalFileBackend):
    """A journal whose every line is behind the URI before anybody believes it.

    Args:
        folder: the experiment folder, a URI.
        file: where this machine keeps a copy; it is made anew.
        check: raises where this process may write no more.

    Raises:
        StorageError: the endpoint does not answer.
    """

    def __init__(self, folder: str, file: Path, check: Callable[[], None]) -> None:
        self._pieces = Pieces(storage.join(folder, "study.journal"))
        self._check = check
        names, whole = self._pieces.opened()
        sound, bad = sound_lines(whole)
        if bad:
            log.warning("%s: line %s: damaged, left out", self._pieces.folder, ", ".join(map(str, bad[:10])))
        file.write_bytes(sound)
        self._number = int(names[-1]) + 1 if names else 0
        self._piece = b""
        super().__init__(str(file))

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Writes the last piece again with these lines, then the copy."""
        self._check()
        self._piece += b"".join(json.dumps(log, separators=(",", ":")).encode() + b"\n" for log in logs)
        self._pieces.write(f"{self._number:06d}", self._piece)
        if len(self._piece) >= PIECE_BYTES:
            self._number, self._piece = self._number + 1, b""
        super().append_logs(logs)
