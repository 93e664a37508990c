from __future__ import annotations

from pathlib import Path
from typing import Any

from kdray.experiment.job import Job
from kdray.workers.attempt import Attempt
from tests.sweeping.fake_run import FakeRun


def test_an_attempt_goes_on_from_its_checkpoint_and_repeats_what_the_study_missed(
    make_sweep: Any, tmp_path: Path
) -> None:
    def begin(decided: int) -> Attempt:
        job = Job("t0000", make_sweep().trial, decided)
        return Attempt(job, str(tmp_path), ["assertion_accuracy"], FakeRun)

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
