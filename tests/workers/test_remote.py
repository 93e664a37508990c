"""Experiments behind a URI: one driver, whole checkpoints, and a resume on a machine that has nothing."""

from __future__ import annotations

import contextlib
import errno
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kdray import cli, results, storage
from kdray.errors import ConfigError, KdrayError, StorageError
from kdray.experiment import lifecycle, lock
from kdray.experiment.checkpoints import Remote
from kdray.experiment.job import Job
from kdray.experiment.journal import RemoteJournal
from kdray.experiment.lock import Lease
from kdray.experiment.trial_folder import TrialFolder
from kdray.workers.attempt import Attempt
from kdray.workers.runnable import Carried
from tests.s3 import Endpoint
from tests.sweeping.check import check_whole, fetched, trials_of
from tests.sweeping.fake_run import FakeRun
from tests.sweeping.kill_driver import the_sweep
from tests.workers.test_kill import Driver, no_driver_outlives_its_test  # noqa: F401 - a fixture

BEAT_S = 0.25


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint.started() as made:
        yield made


@pytest.fixture
def folder(endpoint: Endpoint, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in endpoint.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(lock, "BEAT_S", BEAT_S)
    return f"s3://kdray/{request.node.name}"


def test_a_lease_is_refused_as_long_as_its_holder_lives(folder: str) -> None:
    with Lease(folder).held() as nothing:
        assert nothing is None
        with pytest.raises(KdrayError, match="in use by another kdray process"), Lease(folder).held():
            pass
        assert lock.is_leased(folder)
    assert not lock.is_leased(folder)
    with Lease(folder).held():
        pass


def test_a_lease_of_the_dead_is_taken_over_and_its_holder_hears_of_it(folder: str) -> None:
    dead = Lease(folder)
    dead._renew()  # and never again
    assert not lock.is_leased(folder)
    with Lease(folder).held():
        with pytest.raises(KdrayError, match="taken over by another"):
            dead.check()
        assert len(lock.claims(folder)) == 1
    assert lock.claims(folder) == {}


def test_the_newest_whole_checkpoint_is_found_and_the_one_before_is_gone(folder: str) -> None:
    trial = TrialFolder(folder, "t0000")
    with trial.owned():
        assert trial.saved() is None
        for number in (1, 2):
            rungs = [{"step": step} for step in range(number)]
            trial.save(
                lambda at, n=number: storage.write_atomic(storage.join(at, "model"), f"{n}"), rungs, 1.0
            )
        torn = storage.join(trial.location, "checkpoint-3-torn")
        storage.write_atomic(storage.join(torn, "model"), "half")
        saved = trial.saved()
        assert saved is not None and len(saved.rungs) == 2
        assert storage.read_bytes(storage.join(saved.path, "model")) == b"2"
        kept = [name for name in storage.list_folders(trial.location) if "torn" not in name]
        assert len(kept) == 1
    trial.drop_checkpoint()
    assert storage.list_folders(trial.location) == []


def test_what_another_trial_made_behind_a_uri_is_set_aside(make_sweep: Any, folder: str) -> None:
    before = TrialFolder(folder, "t0000", "a" * 16)
    before.end("complete", "", 1.0)
    TrialFolder(folder, "t0000", "b" * 16).begin(make_sweep().trial)
    trials = storage.join(folder, "trials")
    assert storage.list_folders(trials) == ["t0000", "t0000.aside-1"]
    assert storage.read_json(storage.join(trials, "t0000.aside-1", "state.json"))["trial"] == "a" * 16
    assert storage.list_files(storage.join(trials, "t0000")) == ["trial.yaml"]


def test_who_lost_a_trial_writes_no_more(folder: str) -> None:
    first, second = Remote(storage.join(folder, "t0000")), Remote(storage.join(folder, "t0000"))
    with first.owned(), second.owned():
        second.replace(
            lambda at: storage.write_atomic(storage.join(at, "model"), "2"), {"rungs": [{}], "wall_s": 1}
        )
        with pytest.raises(KdrayError, match="taken up by another process"):
            first.replace(lambda at: None, {"rungs": [{}, {}], "wall_s": 1})
        saved = second.newest()
        assert saved is not None and len(saved.rungs) == 1


def test_where_a_checkpoint_has_no_room_on_its_way_none_of_it_arrives(make_sweep: Any, folder: str) -> None:
    class Full(FakeRun):
        def save(self, folder: str) -> None:
            super().save(folder)
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match=f"^{tempfile.gettempdir()}: no space left on this disk"):
        Carried(Full(make_sweep().trial)).save(folder)
    assert storage.list_files(folder) == []


def test_an_attempt_goes_on_on_another_machine(make_sweep: Any, folder: str) -> None:
    def begin() -> Attempt:
        return Attempt(
            Job("t0000", make_sweep().trial, 0),
            folder,
            ["assertion_accuracy"],
            lambda trial: Carried(FakeRun(trial)),
        )

    with contextlib.closing(begin()) as attempt:
        first = attempt.next_rung()
    with contextlib.closing(begin()) as again:
        assert again.next_rung() == first
        assert again.next_rung()["step"] == 3
    told = storage.read_bytes(storage.join(folder, "trials", "t0000", "log.txt")).decode()
    assert told.count("begins in process") == 2 and "goes on from step" in told
    lines = storage.read_bytes(storage.join(folder, "trials", "t0000", "results.jsonl")).splitlines()
    assert len(lines) == 2


def test_a_journal_is_read_in_the_order_it_was_written_by_one_driver_after_another(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kdray.experiment.journal.PIECE_BYTES", 200)
    wanted: list[dict[str, Any]] = []
    for driver in range(3):
        journal = RemoteJournal(folder, tmp_path / f"{driver}", lambda: None)
        assert list(journal.read_logs(0)) == wanted
        for number in range(9):
            wanted.append({"op_code": 2, "worker_id": f"{driver}", "number": number})
            journal.append_logs(wanted[-1:])
    assert len(storage.list_files(storage.join(folder, "study.journal"))) == 6


def test_a_driver_that_was_held_up_for_longer_than_its_lease_writes_nothing_into_the_study(
    folder: str, tmp_path: Path
) -> None:
    def operation(driver: str, number: int) -> dict[str, Any]:
        return {"op_code": 2, "worker_id": driver, "number": number}

    first, second = Lease(folder), Lease(folder)
    first._renew()  # and is held up from here on, behind its look at the lease
    held_up = RemoteJournal(folder, tmp_path / "first", lambda: None)
    held_up.append_logs([operation("first", 0)])
    with second.held():
        journal = RemoteJournal(folder, tmp_path / "second", second.check)
        with pytest.raises(KdrayError, match="taken over by another kdray process"):
            held_up.append_logs([operation("first", 1)])
        journal.append_logs([operation("second", 0)])
        with pytest.raises(KdrayError, match="taken over by another kdray process"):
            held_up.append_logs([operation("first", 2)])
        journal.append_logs([operation("second", 1)])
        with pytest.raises(KdrayError, match="taken over by another"):
            first.check()
    third = RemoteJournal(folder, tmp_path / "third", lambda: None)
    said = [(log["worker_id"], log["number"]) for log in third.read_logs(0)]
    assert said == [("first", 0), ("second", 0), ("second", 1)]


def test_one_that_begins_a_piece_which_another_has_begun_writes_nothing(folder: str, tmp_path: Path) -> None:
    both = [RemoteJournal(folder, tmp_path / name, lambda: None) for name in ("one", "other")]
    both[0].append_logs([{"op_code": 2}])
    with pytest.raises(KdrayError, match="taken over by another kdray process"):
        both[1].append_logs([{"op_code": 3}])


def test_a_write_that_was_done_and_not_heard_of_is_no_other_process(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import obstore

    put = obstore.put

    def unheard(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr(obstore, "put", put)
        put(*args, **options)
        raise obstore.exceptions.GenericError("no answer")

    journal = RemoteJournal(folder, tmp_path / "one", lambda: None)
    for number in range(2):
        monkeypatch.setattr(obstore, "put", unheard)
        journal.append_logs([{"op_code": 2, "worker_id": "w", "number": number}])
    assert len(list(RemoteJournal(folder, tmp_path / "two", lambda: None).read_logs(0))) == 2


def test_several_drivers_are_refused(make_sweep: Any, folder: str) -> None:
    sweep = make_sweep(search={"storage": "sqlite://"}, resources={"drivers": 2})
    with (
        pytest.raises(ConfigError, match=r"resources.drivers: 2 drivers need a folder with locks"),
        lifecycle.claim(sweep, folder, resume=True),
    ):
        pass


@pytest.mark.cluster
@pytest.mark.skipif(sys.platform != "linux", reason="looks for left processes in /proc")
@pytest.mark.timeout(600)
def test_a_sweep_whose_machine_is_lost_goes_on_from_the_bucket_alone(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KDRAY_TEST_BEAT_S", str(BEAT_S))
    for machine in ("first", "second"):
        (tmp_path / machine).mkdir()
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")  # noqa: S108 - its sockets want a short path
    monkeypatch.setenv("TMPDIR", str(tmp_path / "first"))
    lost = Driver(folder, 5)
    try:
        key = lost.wait_for("rung").split()[1]
        assert lifecycle.status(folder).alive
        with pytest.raises(KdrayError, match="in use"), lifecycle.claim(the_sweep(5), folder, resume=True):
            pass
    finally:
        lost.kill()
    before = {record.key: len(record.rungs) for record in results.read(folder)}
    assert before[key] >= 1
    monkeypatch.setenv("TMPDIR", str(tmp_path / "second"))
    code, log = Driver(folder, 5).end()
    assert code == 0, log
    copy = fetched(folder, tmp_path / "copy")
    check_whole(the_sweep(5), copy)
    assert not lifecycle.status(folder).alive
    assert any((copy / "tensorboard").rglob("events*"))
    for command in ("status", "pareto"):
        monkeypatch.setattr(sys, "argv", ["kdray", command, Path(folder).name, "--runs", "s3://kdray"])
        with pytest.raises(SystemExit) as left:
            sys.exit(cli.main())
        assert not left.value.code
    out = capsys.readouterr().out
    assert "5 asked; nobody runs it" in out
    assert "5 trials" in out
    # What is not on the front lost its checkpoint, and nothing half stands about.
    fronted = {trial.user_attrs["key"] for trial in trials_of(copy) if trial.values is not None}
    with_checkpoint = {path.parent.name for path in copy.glob("trials/*/checkpoint-*")}
    assert with_checkpoint and with_checkpoint <= fronted
    assert all((path / "rung.json").exists() for path in copy.glob("trials/*/checkpoint-*"))
