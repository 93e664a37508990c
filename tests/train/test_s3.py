"""Shards on a real S3 endpoint train like local ones, to the last bit, also while the endpoint fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kdray import storage
from kdray.config import Trial, merge
from kdray.pipeline.prepare import prepare
from kdray.teacher import cache
from kdray.teacher.verify import verify
from kdray.train import TrialRun
from tests import world
from tests.s3 import Endpoint


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint.started() as made:
        yield made


@pytest.fixture(autouse=True)
def bucket(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**endpoint.environment, cache.FOLDER: str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    endpoint.failing = False


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
        storage.upload(small_world / name, f"s3://kdray/{name}")
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


def test_a_capture_from_a_bucket_into_it_is_the_local_one(small_world: Path, endpoint: Endpoint) -> None:
    storage.upload(small_world / "teacher", "s3://kdray/teacher")
    endpoint.failing = True
    sweep = world.sweep(small_world)
    folders = {"shards": "s3://kdray/new/signal", "suite": "s3://kdray/new/suite"}
    trial = merge(sweep.trial, {**folders, "teacher": "s3://kdray/teacher"})
    made = prepare(sweep.model_copy(update={"trial": trial}))
    assert made == prepare(sweep)
    assert storage.list_files("s3://kdray/new/signal") == storage.list_files(small_world / "signal")
