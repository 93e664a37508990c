"""A sweep that is killed before, in and after every single write, and started again."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.storages.journal import JournalFileBackend

from kdray import results
from tests.sweeping.check import check_whole, trials_of
from tests.sweeping.drive import drive

START = [{"distil.alpha": 0.5, "distil.temperature": 1.0}, {"distil.alpha": 0.0}]


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


class Writes:
    """Counts every write of the process, and kills it before, in or after one of them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.fatal = -1
        self.after = False
        for place, name in ((os, "replace"), (Path, "rename"), (Path, "mkdir"), (shutil, "rmtree")):
            patch.setattr(place, name, self._counted(getattr(place, name)))
        self._append = JournalFileBackend.append_logs
        writes = self

        def append_logs(self: JournalFileBackend, logs: list[dict[str, Any]]) -> None:
            writes._write(lambda: writes._append(self, logs), lambda: writes._tear(self, logs))

        patch.setattr(JournalFileBackend, "append_logs", append_logs)

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: self._write(lambda: function(*args, **kwargs), lambda: None)

    def _write(self, whole: Callable[[], Any], torn: Callable[[], Any]) -> Any:
        self.count += 1
        if self.count == self.fatal and not self.after:
            torn()
            raise Killed
        done = whole()
        if self.count == self.fatal:
            raise Killed
        return done

    def _tear(self, backend: JournalFileBackend, logs: list[dict[str, Any]]) -> None:
        """Half of the line, and the lock still taken."""
        path = Path(backend._file_path)
        before = path.stat().st_size
        self._append(backend, logs)
        size = path.stat().st_size
        os.truncate(path, (before + size) // 2)
        os.symlink(path, f"{path}.lock")


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    monkeypatch.setattr("kdray.experiment.study_storage.STALE_LOCK_S", 0.0)
    monkeypatch.setattr("kdray.experiment.drivers.LOCK_WAIT_S", 0.0)
    return Writes(monkeypatch)


@pytest.mark.parametrize("after", [False, True], ids=["in", "after"])
def test_a_sweep_killed_at_any_write_ends_whole(
    make_sweep: Any, tmp_path: Path, writes: Writes, after: bool
) -> None:
    sweep = make_sweep(5, search={"start": START, "eta": 2, "trust": -1})
    drive(sweep, tmp_path / "whole")
    check_whole(sweep, tmp_path / "whole")
    total = writes.count
    writes.after = after
    for number in range(1 + after, total + 1, 6):
        folder = tmp_path / f"{number}"
        writes.count, writes.fatal = 0, number
        with pytest.raises(Killed):
            drive(sweep, folder)
        writes.fatal = -1
        drive(sweep, folder)
        check_whole(sweep, folder)


@pytest.mark.parametrize("seed", range(3))
def test_a_sweep_killed_again_and_again_ends_whole(
    make_sweep: Any, tmp_path: Path, writes: Writes, seed: int
) -> None:
    rng = random.Random(seed)
    sweep = make_sweep(8, search={"start": START, "eta": 2, "trust": -1})
    kills = 0
    while True:
        writes.count, writes.fatal, writes.after = 0, rng.randrange(8, 60), rng.random() < 0.5
        try:
            drive(sweep, tmp_path / "sweep")
            break
        except Killed:
            kills += 1
    check_whole(sweep, tmp_path / "sweep")
    assert kills > 3


def test_a_journal_that_lost_its_tail_does_not_give_old_results_to_new_trials(
    make_sweep: Any, tmp_path: Path, caplog: Any
) -> None:
    sweep = make_sweep(4, search={"sampler": "random", "halving": False})
    folder = tmp_path / "sweep"
    drive(sweep, folder)
    before = {path.name: (path / "results.jsonl").read_text() for path in (folder / "trials").iterdir()}
    journal = folder / "study.journal"
    lines = journal.read_text().splitlines(keepends=True)
    second = [number for number, line in enumerate(lines) if '"op_code":4' in line][1]
    journal.write_text("".join(lines[:second]))
    drive(sweep, folder)
    check_whole(sweep, folder)
    trials = {trial.user_attrs["key"]: trial for trial in trials_of(folder)}
    for record in results.read(folder):
        alpha = trials[record.key].params["distil.alpha"]
        assert record.trial["distil"]["alpha"] == alpha
        assert record.metrics["assertion_accuracy"] == pytest.approx(1 - (alpha - 0.5) ** 2)
    for key in ("t0001", "t0002", "t0003"):
        assert (folder / "trials" / f"{key}.aside-1" / "results.jsonl").read_text() == before[key]
        assert f"{key}.aside-1" in caplog.text


def test_a_folder_that_holds_another_trials_end_is_set_aside_and_written_anew(
    make_sweep: Any, tmp_path: Path
) -> None:
    sweep = make_sweep(3, search={"sampler": "random", "halving": False})
    folder = tmp_path / "sweep"
    drive(sweep, folder)
    shutil.rmtree(folder / "trials" / "t0001")
    shutil.copytree(folder / "trials" / "t0000", folder / "trials" / "t0001")
    drive(sweep, folder)
    first, second, _ = results.read(folder)
    assert first.trial["distil"]["alpha"] != second.trial["distil"]["alpha"]
    assert second.metrics["assertion_accuracy"] != first.metrics["assertion_accuracy"]
    assert (folder / "trials" / "t0001.aside-1").exists()
