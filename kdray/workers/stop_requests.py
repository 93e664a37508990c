"""Requests to end a sweep early: Ctrl-C, SIGTERM, or the file `stop` in the experiment folder."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from kdray import storage
from kdray.errors import StorageError

log = logging.getLogger(__name__)

LOOK_S, REMOTE_LOOK_S = 0.5, 5.0
"""How often the file is looked for, in a folder and behind a URI."""


@contextmanager
def stop_requests(location: str) -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM or a file sets; a second Ctrl-C interrupts at once."""
    stopped, over = threading.Event(), threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        log.warning("stopping; what was reached is safe, once more to stop at once")
        stopped.set()

    def watch() -> None:
        while not over.wait(REMOTE_LOOK_S if storage.is_uri(location) else LOOK_S):
            with suppress(StorageError):  # those who train will say so
                if storage.exists(storage.join(location, "stop")):
                    stopped.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    before: dict[signal.Signals, Any] = {}
    with suppress(ValueError):  # only the main thread may handle signals
        for number in (signal.SIGINT, signal.SIGTERM):  # a batch system announces its end with SIGTERM
            before[number] = signal.signal(number, on_signal)
    try:
        yield stopped
    finally:
        over.set()
        watcher.join(REMOTE_LOOK_S)
        for number, handler in before.items():
            signal.signal(number, handler)
