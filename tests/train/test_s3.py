"""Shards on a real S3 endpoint train like local ones, to the last bit, also while the endpoint fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kdray import storage
from kdray.config import Trial, merge
from kdray.launch.prepare import prepare
from kdray.teacher import cache
from kdray.teacher.verify import verify
from kdray.train import TrialRun
from tests import world


class Endpoint:
    """moto's S3 server on loopback; with `failing`, every fifth request gets a 503 or no answer at all."""

    def __init__(self) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._s3 = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._lock = threading.Lock()
        self.requests, self.failed, self.failing = 0, 0, False
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            self.requests += 1
            fails = self.failing and self.requests % 5 == 0
            self.failed += fails
        if not fails:
            return self._s3(environ, start)
        if self.failed % 2:
            environ["werkzeug.socket"].shutdown(2)
        start("503 Slow Down", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"slow"]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def bucket(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import fs

    for name, value in {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        cache.FOLDER: str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    endpoint.failing = False
    made, _ = fs.FileSystem.from_uri("s3://kdray?allow_bucket_creation=true")
    made.create_dir("kdray")


def upload(folder: Path, location: str) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            storage.write_atomic(storage.join(location, *file.relative_to(folder).parts), file.read_bytes())


def losses(trial: Trial) -> list[float]:
    run = TrialRun(trial)
    while not run.done:
        run.next_rung()
    found = list(run._losses)
    run.close()
    return found


@pytest.fixture
def remote(small_world: Path) -> Trial:
    """The small world's trial, its shards and suite in the bucket."""
    for name in ("signal", "suite"):
        upload(small_world / name, f"s3://kdray/{name}")
    return merge(world.sweep(small_world).trial, {"shards": "s3://kdray/signal", "suite": "s3://kdray/suite"})


def test_remote_shards_train_to_the_same_loss_to_the_last_bit(
    small_world: Path, remote: Trial, endpoint: Endpoint
) -> None:
    local = losses(world.sweep(small_world).trial)
    assert losses(remote) == local
    assert len(set(local)) == len(local) == 6
    before = endpoint.requests
    endpoint.failing = True
    storage_again = losses(remote)  # from the cache: little is asked for
    assert storage_again == local and endpoint.requests - before < 30


def test_an_endpoint_that_fails_every_fifth_request_changes_nothing(
    small_world: Path, remote: Trial, endpoint: Endpoint
) -> None:
    endpoint.failing, endpoint.failed = True, 0
    assert losses(remote) == losses(world.sweep(small_world).trial)
    assert endpoint.failed >= 2


def test_a_remote_shard_that_was_changed_is_refused(remote: Trial) -> None:
    from kdray.errors import DataError

    location = "s3://kdray/signal/shard-00001.arrow"
    sound = storage.read_bytes(location)
    data = bytearray(sound)
    data[len(data) // 2] ^= 1
    storage.write_atomic(location, bytes(data))
    for refuse in (lambda: TrialRun(remote), lambda: verify("s3://kdray/signal")):
        with pytest.raises(DataError, match=r"shard-00001\.arrow: changed since it was written"):
            refuse()
    storage.write_atomic(location, sound)
    assert verify("s3://kdray/signal").warnings == ()


def test_a_capture_into_a_bucket_is_the_local_one(small_world: Path, endpoint: Endpoint) -> None:
    endpoint.failing = True
    sweep = world.sweep(small_world)
    trial = merge(sweep.trial, {"shards": "s3://kdray/new/signal", "suite": "s3://kdray/new/suite"})
    made = prepare(sweep.model_copy(update={"trial": trial}))
    assert made == prepare(sweep)
    assert storage.list_files("s3://kdray/new/signal") == storage.list_files(small_world / "signal")
