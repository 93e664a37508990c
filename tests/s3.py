"""A real S3 API for tests: moto's server, with a bucket, and with failures on demand."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

BUCKET = "kdray"


class Endpoint:
    """moto's S3 server. With `failing`, every fifth request gets a 503 or no answer at all; with `away`, all get a
    503.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._s3 = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(address, 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._lock = threading.Lock()
        self.requests, self.failed, self.failing, self.away = 0, 0, False, False
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://{address}:{self._server.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        """What a process needs to find it."""
        self._thread.start()

    @classmethod
    @contextlib.contextmanager
    def started(cls, address: str = "127.0.0.1") -> Iterator[Endpoint]:
        """One with an empty bucket, gone at the end of the block."""
        made = cls(address)
        try:
            made._make_bucket()
            yield made
        finally:
            made._server.shutdown()
            made._thread.join()
            made._server.server_close()

    def _make_bucket(self) -> None:
        from pyarrow import fs

        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL")
        key, secret, region, url = (self.environment[name] for name in names)
        fs.S3FileSystem(
            access_key=key,
            secret_key=secret,
            region=region,
            endpoint_override=url,
            allow_bucket_creation=True,
        ).create_dir(BUCKET)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            self.requests += 1
            fails = self.away or (self.failing and self.requests % 5 == 0)
            self.failed += fails
        if not fails:
            return self._s3(environ, start)
        if self.failed % 2 and not self.away:
            environ["werkzeug.socket"].shutdown(2)
        start("503 Slow Down", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"slow"]
