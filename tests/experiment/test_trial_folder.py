from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kdray.errors import DataError
from kdray.experiment.trial_fingerprint import trial_fingerprint
from kdray.experiment.trial_folder import TrialFolder


def write(text: str) -> Any:
    return lambda folder: Path(folder, "model").write_text(text)


def rungs(number: int) -> list[dict[str, Any]]:
    return [{"step": step} for step in range(number)]


def test_the_newest_whole_checkpoint_is_found_in_every_stage_of_its_replacement(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path, "t0000")
    assert folder.saved() is None
    folder.save(write("one"), rungs(1), 1.0)
    folder.save(write("two"), rungs(2), 2.0)
    saved = folder.saved()
    assert saved is not None and (len(saved.rungs), saved.wall_s) == (2, 2.0)
    place = Path(folder.location) / "checkpoint"
    # A kill between the two renames.
    place.rename(Path(folder.location) / "checkpoint.new")
    saved = folder.saved()
    assert saved is not None and Path(saved.path, "model").read_text() == "two"
    # A kill while the next one was being written.
    Path(folder.location, "checkpoint.new").rename(place)
    Path(folder.location, "checkpoint.new").mkdir()
    (Path(folder.location) / "checkpoint.new" / "model").write_text("torn")
    saved = folder.saved()
    assert saved is not None and Path(saved.path, "model").read_text() == "two"


@pytest.mark.parametrize("key", ["../../victim", "a/b", "..", "", "/etc", "t0001\n", "t 1"])
def test_a_key_that_climbs_out_of_the_experiment_is_refused(tmp_path, key):
    with pytest.raises(DataError, match="no key such as t0007"):
        TrialFolder(tmp_path, key)


def test_what_another_trial_made_is_set_aside_and_never_deleted(make_sweep, tmp_path, caplog):
    trial = make_sweep().trial
    other = trial.model_copy(update={"seed": 7})
    mine, others = trial_fingerprint(trial), trial_fingerprint(other)
    assert mine != others
    before = TrialFolder(tmp_path, "t0001", others)
    before.begin(other)
    before.save(write("other weights"), rungs(2), 1.0)
    before.end("complete", "", 1.0)
    now = TrialFolder(tmp_path, "t0001", mine)
    now.begin(trial)
    assert now.saved() is None and not now.ended
    kept = tmp_path / "trials" / "t0001.aside-1"
    assert (kept / "checkpoint" / "model").read_text() == "other weights"
    assert "t0001.aside-1" in caplog.text
    now.begin(trial)
    assert [folder.name for folder in tmp_path.glob("trials/*.aside-*")] == ["t0001.aside-1"]


def test_a_folder_of_an_older_kdray_is_taken_as_it_is(make_sweep, tmp_path):
    trial = make_sweep().trial
    TrialFolder(tmp_path, "t0001").save(write("old"), rungs(2), 1.0)
    now = TrialFolder(tmp_path, "t0001", trial_fingerprint(trial))
    now.begin(trial)
    saved = now.saved()
    assert saved is not None and saved.trial == "" and len(saved.rungs) == 2


def test_a_trials_fingerprint_changes_with_its_signal_and_not_with_its_place(make_sweep, tmp_path):
    def of(place: str, manifest: str) -> str:
        folder = tmp_path / place
        folder.mkdir(exist_ok=True)
        (folder / "manifest.json").write_text(manifest)
        return trial_fingerprint(make_sweep().trial.model_copy(update={"shards": str(folder)}))

    assert of("here", "one") == of("there", "one") != of("here", "two")
