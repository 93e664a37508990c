from __future__ import annotations

from typing import Any

import pytest

from kdray.errors import ConfigError
from kdray.experiment.job import Job


def test_a_job_arrives_as_it_was_sent(make_sweep: Any) -> None:
    job = Job("t0007", make_sweep().trial, 3)
    assert Job.from_json(job.to_json()) == job


def test_a_job_whose_trial_is_none_is_refused_by_its_key(make_sweep: Any) -> None:
    text = Job("t0007", make_sweep().trial, 0).to_json().replace('"alpha": 0.5', '"alpha": 3')
    with pytest.raises(ConfigError, match=r"t0007: distil\.alpha"):
        Job.from_json(text)
