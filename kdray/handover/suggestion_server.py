"""`kdray predict --serve`: a student kept ready for an editor, on this machine alone.

One request, `POST /` with JSON: `source`, and as far as they are known `path`, `line` (or `test`), `language` and
`count`. The answer is what `--json` prints.

It listens on the loopback address. What a web page in a browser on the same machine could send is refused: a
request with an `Origin`, one for another host's name (which may have been made to point here), and one whose body
is not said to be JSON, which a page may not send without asking first.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kdray.console import printable, say_of_errors
from kdray.errors import ConfigError, KdrayError, nearest
from kdray.handover.asked import Asked, answered, listed
from kdray.handover.opened import Opened
from kdray.recorded import json_object

HOST = "127.0.0.1"
MOST_BYTES = 1 << 22
"""Of a request: no test is longer."""
SECONDS = 10
"""That a client may take to send it."""
FIELDS: dict[str, type] = {
    "source": str, "path": str, "line": int, "test": str, "language": str, "count": int,
}  # fmt: skip


def server(student: Opened, port: int) -> ThreadingHTTPServer:
    """A server that is bound and not running yet; port 0 takes a free one.

    Raises:
        ConfigError: the port is taken, or not this user's to take.
    """
    turn = threading.Lock()

    def answer(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        source, path, how = _read(asked)
        with turn:
            return listed(answered(student, source, path, how))

    handler = type("Asking", (_Handler,), {"answer": staticmethod(answer)})
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"--port {port}: {error}: name another, or 0 for a free one") from None


def _read(asked: Mapping[str, Any]) -> tuple[str, str, Asked]:
    """Source, path and what is asked of them. Raises `ConfigError` that names the field."""
    for name, value in asked.items():
        if name not in FIELDS:
            raise ConfigError(f"'{name}' is not asked for{nearest(name, FIELDS)}")
        if value is not None and (not isinstance(value, FIELDS[name]) or isinstance(value, bool)):
            raise ConfigError(f"{name} must be a {'text' if FIELDS[name] is str else 'whole number'}")
    said = {name: value for name, value in asked.items() if value is not None}
    if "source" not in said:
        raise ConfigError("source: the text of the test is missing")
    if "\0" in said.get("path", ""):
        raise ConfigError("path: no file has a NUL in its name")
    if "line" in said and "test" in said:
        raise ConfigError("line or test, not both")
    return said.pop("source"), said.pop("path", ""), Asked(**said)


class _Handler(BaseHTTPRequestHandler):
    """Reads one request, and answers in JSON whatever happens."""

    answer: Callable[[Mapping[str, Any]], list[dict[str, Any]]]
    timeout = SECONDS
    server_version, sys_version = "kdray", ""

    def do_POST(self) -> None:
        """A question."""
        with contextlib.suppress(ConnectionError):  # whoever asked is gone
            self._reply(*self._answered())

    def _answered(self) -> tuple[int, Any]:
        """Status and answer."""
        if refusal := self._refusal():
            return 403, {"error": refusal}
        length = self.headers.get("Content-Length", "")
        short = length.isascii() and length.isdigit() and len(length) <= len(str(MOST_BYTES))
        if not (short and int(length) <= MOST_BYTES):
            return 413, {"error": f"a request has a Content-Length of at most {MOST_BYTES:,} bytes"}
        body = self.rfile.read(int(length))
        try:
            return 200, self.answer(json_object(body, "the request"))
        except KdrayError as error:
            return 400, {"error": printable(str(error))}
        except Exception as error:
            say_of_errors(type(error), error, error.__traceback__)
            return 500, {"error": f"a bug, {type(error).__name__}: its traceback stands where this runs"}

    def _refusal(self) -> str:
        """Why this may be a web page's request; "" where it cannot be."""
        _, port, *_ = self.connection.getsockname()
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            return "this is a server for programs on this machine, asked by its own address"
        if "Origin" in self.headers:
            return "a web page may not ask"
        if self.headers.get_content_type() != "application/json":
            return "Content-Type must be application/json"
        return ""

    def _reply(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what a client names is nobody's log."""
