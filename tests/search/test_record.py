from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from kdray.errors import KdrayError
from kdray.experiment.lock import lock
from kdray.experiment.trial_folder import TrialFolder
from kdray.workers.attempt import Attempt, order
from kdray.workers.runnable import load_factory


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


def test_a_lock_is_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    code = textwrap.dedent(f"""
        import os, pathlib
        from kdray.experiment.lock import lock
        with lock(pathlib.Path({str(tmp_path / "lock")!r})):
            print("held", flush=True)
            input()
    """)
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ}
    )
    assert holder.stdout is not None and holder.stdin is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(KdrayError), lock(tmp_path / "lock"):
        pass
    holder.kill()
    holder.wait()
    with lock(tmp_path / "lock", wait_s=10):
        pass
    holder.stdin.close()
    holder.stdout.close()


def test_an_attempt_goes_on_from_its_checkpoint_and_repeats_what_the_study_missed(
    make_sweep: Any, tmp_path: Path
) -> None:
    def begin(decided: int) -> Attempt:
        return Attempt(
            order(
                "t0000",
                make_sweep().trial,
                experiment=str(tmp_path),
                objectives=["assertion_accuracy"],
                decided=decided,
                factory="fake_run:FakeRun",
            )
        )

    attempt = begin(0)
    first = attempt.next_rung()
    attempt.close()
    again = begin(0)
    assert again.next_rung() == first
    assert again.next_rung()["step"] == 3
    again.close()
    later = begin(3)
    assert later.next_rung()["step"] == 9
    assert later.done
    later.close()
    assert len((tmp_path / "trials" / "t0000" / "results.jsonl").read_text().splitlines()) == 3
    assert (tmp_path / "trials" / "t0000" / "student").exists()


@pytest.mark.parametrize("path", ["no_such_module:Run", "fake_run:Nothing"])
def test_a_factory_that_is_not_there_is_named(path: str) -> None:
    with pytest.raises(KdrayError, match="trial factory"):
        load_factory(path)
