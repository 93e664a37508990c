"""A new sweep that is warm from an old one under a changed space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kdray import results
from kdray.errors import ConfigError
from kdray.experiment import fork
from kdray.search import space
from tests.sweeping.check import trials_of
from tests.sweeping.drive import drive

NARROW = {"distil.alpha": {"range": [0.0, 1.0]}, "student.hidden": [32, 64]}
WIDE = {"distil.alpha": {"range": [0.0, 1.0]}, "student.heads": [1, 2], "student.hidden": [32, 64, 96]}


def forked(old: Path, sweep: Any, folder: Path) -> int:
    return fork.mark(old, sweep, space.build(sweep), folder)


@pytest.fixture
def old(make_sweep: Any, tmp_path: Path) -> Path:
    sweep = make_sweep(6, only=NARROW, search={"seed": 3})
    drive(sweep, tmp_path / "old")
    return tmp_path / "old"


def test_a_fork_knows_the_old_trials_and_trains_what_it_is_asked_for(
    make_sweep: Any, tmp_path: Path, old: Path
) -> None:
    new = make_sweep(5, only=WIDE, name="new")
    assert forked(old, new, tmp_path / "new") == 6
    drive(new, tmp_path / "new")
    trials = trials_of(tmp_path / "new", "new")
    inherited = [trial for trial in trials if "inherited" in trial.user_attrs]
    assert [trial.user_attrs["inherited"] for trial in inherited] == [f"small/t{n:04d}" for n in range(6)]
    before = {record.key: record for record in results.read(old)}
    for trial in inherited:
        record = before[trial.user_attrs["inherited"].split("/")[1]]
        assert trial.params["distil.alpha"] == record.overrides["distil.alpha"]
        assert (
            trial.params["student.heads"] == 1
        )  # a path that the old sweep did not know: its base trial's value
        if record.state == "complete":
            assert trial.values == [record.metrics[name] for name in new.objectives]
    records = results.read(tmp_path / "new")
    assert len(records) == 5
    assert {record.key for record in records} == {f"t{n:04d}" for n in range(6, 11)}


def test_what_an_old_trial_was_trained_with_is_not_trained_again(make_sweep: Any, tmp_path: Path) -> None:
    few = {"student.hidden": [32, 64]}
    drive(make_sweep(2, only=few), tmp_path / "old")
    new = make_sweep(2, only={"student.hidden": [32, 64, 96, 128]}, name="new")
    forked(tmp_path / "old", new, tmp_path / "new")
    drive(new, tmp_path / "new")
    assert {record.overrides["student.hidden"] for record in results.read(tmp_path / "new")} == {96, 128}


def test_trials_outside_the_new_space_are_left_behind(make_sweep: Any, tmp_path: Path, old: Path) -> None:
    new = make_sweep(2, only={"distil.alpha": {"range": [0.0, 1.0]}, "student.hidden": [32, 96]}, name="new")
    inside = sum(record.overrides["student.hidden"] == 32 for record in results.read(old))
    assert forked(old, new, tmp_path / "new") == inside


def test_a_fork_that_was_killed_while_it_inherited_inherits_the_rest(
    make_sweep: Any, tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = make_sweep(2, only=NARROW, name="new")
    forked(old, new, tmp_path / "new")
    whole, count = fork.Study.adopt, []

    def adopt(*args: Any) -> None:
        count.append(args)
        if len(count) == 4:
            raise KeyboardInterrupt
        whole(*args)

    monkeypatch.setattr(fork.Study, "adopt", adopt)
    with pytest.raises(KeyboardInterrupt):
        drive(new, tmp_path / "new")
    monkeypatch.undo()
    drive(new, tmp_path / "new")
    names = [t.user_attrs.get("inherited") for t in trials_of(tmp_path / "new", "new")]
    assert sorted(filter(None, names)) == [f"small/t{n:04d}" for n in range(6)]


def test_a_fork_that_no_old_trial_fits_is_refused_with_the_reason(
    make_sweep: Any, tmp_path: Path, old: Path
) -> None:
    longer = make_sweep(2, only=NARROW, name="new", student={"feed_forward": 128})
    with pytest.raises(ConfigError, match=r"t0000 has student\.feed_forward 64, the new base trial 128"):
        forked(old, longer, tmp_path / "new")
    other = make_sweep(2, only=NARROW, name="new", objectives={"assertion_accuracy": "max"})
    with pytest.raises(ConfigError, match="a fork keeps the objectives"):
        forked(old, other, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_fork_does_not_write_into_a_sweep_that_is_there(make_sweep: Any, old: Path) -> None:
    with pytest.raises(ConfigError, match="there is a sweep already"):
        forked(old, make_sweep(2, only=NARROW), old)
    assert not (old / "fork.json").exists()
