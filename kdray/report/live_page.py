"""The page of a sweep that runs, from a small server on this machine alone: it looks for news and shows them.

    GET /                          the page as of now
    GET /state                     what changes when a trial begins, reaches a rung or ends
    GET /trials/<key>/             names of the files there
    GET /trials/<key>/log.txt      the trial's log

Nothing else is handed out, and only to who asks this machine by its own name: a page from elsewhere whose host
name was turned to the loopback address is refused.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from kdray import storage
from kdray.errors import ConfigError, DataError, KdrayError
from kdray.log_file import NAME
from kdray.report import html
from kdray.report.front import front
from kdray.report.show import wanted
from kdray.report.sources import source

HOST = "127.0.0.1"
_TRIAL = re.compile(r"/trials/(t[0-9]{4,18})/(log\.txt)?")
_TELLING = ("trial.yaml", "results.jsonl", "state.json", "test.json", NAME)


class Server(ThreadingHTTPServer):
    """Serves the page of one experiment folder until it is shut down.

    Args:
        folder: path or URI of the experiment.
        port: 0 takes a free one.
        objectives: as `kdray pareto` takes them, None for the sweep's own.

    Raises:
        ConfigError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, folder: str, port: int = 0, objectives: str | None = None) -> None:
        self.folder, self.objectives = folder, objectives
        try:
            super().__init__((HOST, port), _Answer)
        except (OSError, OverflowError) as error:
            raise ConfigError(f"--port {port}: {error}: name another, or none for a free one") from error

    @property
    def address(self) -> str:
        """What a browser is told."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def state(self) -> str:
        """Changes with whatever the page shows."""
        trials = storage.join(self.folder, "trials")
        stamps = [
            f"{key}/{name} {stamp}"
            for key in storage.list_folders(trials)
            for name, stamp in sorted(storage.file_stamps(storage.join(trials, key)).items())
            if name in _TELLING and name != NAME
        ]
        return storage.fingerprint(*stamps)

    def page(self) -> str:
        """The page as of now."""
        state, read = self.state(), source(self.folder)
        if read.experiment is None:
            raise ConfigError(f"{self.folder}: no experiment folder: there is nothing to follow")
        best = front(read.records, wanted(self.objectives, read))
        # The page lies where the experiment does, as its links see it.
        return html.render(read.experiment, best, page=storage.join(self.folder, "front.html"), live=state)


class _Answer(BaseHTTPRequestHandler):
    server: Server
    server_version, sys_version = "kdray", ""

    def do_GET(self) -> None:
        """See the module."""
        port = self.server.server_address[1]
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            self._send(403, "text/plain", "only by its own name")
            return
        path = urlsplit(self.path).path
        make: Callable[[], tuple[str, str]] | None = None
        if path == "/":
            make = lambda: ("text/html", self.server.page())  # noqa: E731
        elif path == "/state":
            make = lambda: ("text/plain", self.server.state())  # noqa: E731
        elif found := _TRIAL.fullmatch(path):
            make = lambda: ("text/plain", self._of_trial(found[1], found[2]))  # noqa: E731
        try:
            self._send(200, *make()) if make else self._send(404, "text/plain", "no such page")
        except KdrayError as error:
            self._send(503, "text/plain", str(error))

    def _of_trial(self, key: str, file: str | None) -> str:
        folder = self.server.folder
        place = storage.join(folder, "trials", key)
        if not storage.is_uri(folder):
            inside = Path(folder.removeprefix("file://")).resolve()
            there = Path(place.removeprefix("file://"), file or "").resolve()
            if not there.is_relative_to(inside):  # a link, in a folder that may be somebody else's
                raise DataError(f"{place}: leads out of the experiment")
        if file:
            return storage.read_bytes(storage.join(place, file)).decode(errors="replace")
        return f"{place}\n\n" + "".join(
            f"{name}\n" for name in (*storage.list_folders(place), *storage.list_files(place))
        )

    def _send(self, code: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        with contextlib.suppress(ConnectionError):  # the browser has left: it reloads often
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the page asks every few seconds."""
