"""What must hold of a sweep that ended, whatever happened to it on the way."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from kdray import results, storage
from kdray.config import Sweep
from kdray.experiment.journal_pieces import SEALED
from kdray.search import space


def trials_of(folder: Path, name: str = "small") -> list[FrozenTrial]:
    """The study as any user of Optuna would open it."""
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    return optuna.load_study(study_name=name, storage=storage).trials


def fetched(location: str, folder: Path) -> Path:
    """A copy of an experiment behind a URI, its study in one file as in a folder."""
    storage.download(location, folder)
    pieces = sorted((folder / "study.journal").iterdir())
    lines = SEALED.sub(b"\n", b"".join(piece.read_bytes() for piece in pieces))
    shutil.rmtree(folder / "study.journal")
    (folder / "study.journal").write_bytes(lines)
    return folder


def check_whole(sweep: Sweep, folder: Path, storage: str | BaseStorage | None = None) -> None:
    """Exactly the asked trials, none twice or running, values finite, starts once, folder and study agree. The
    study is in the folder, or in `storage`.
    """
    if storage is None:
        trials = trials_of(folder, sweep.name)
    else:
        trials = optuna.load_study(study_name=sweep.name, storage=storage).trials
    assert len(trials) == sweep.search.trials
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    assert [trial.user_attrs["key"] for trial in trials] == [f"t{n:04d}" for n in range(len(trials))]
    points = [space.identity(trial.params) for trial in trials]
    assert len(set(points)) == len(points)
    starts = [trial.user_attrs["start"] for trial in trials if "start" in trial.user_attrs]
    assert starts == list(range(len(sweep.search.start)))
    records = {record.key: record for record in results.read(folder)}
    last = sweep.trial.budget.steps
    for trial in trials:
        record = records.pop(trial.user_attrs["key"])
        rungs = sorted(int(name[5:]) for name in trial.user_attrs if name.startswith("rung:"))
        assert [rung["step"] for rung in record.rungs] == rungs
        if trial.state == TrialState.COMPLETE:
            assert rungs[-1] == last
            assert all(math.isfinite(value) for value in trial.values)
        else:
            assert last not in rungs
            assert trial.user_attrs["reason"]
        if trial.state == TrialState.PRUNED:
            assert list(trial.intermediate_values) == rungs
        wanted = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
        assert record.state == wanted[trial.state]
    assert not records
