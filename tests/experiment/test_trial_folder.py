from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kdray.errors import DataError
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
