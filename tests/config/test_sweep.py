"""What a sweep's parts say of each other."""

from __future__ import annotations

import pytest

from kdray.config import (
    sweep_from,
)
from kdray.errors import ConfigError
from tests.config.test_check import LLAMA, changed


def test_sequences_are_learnt_from_captured_answers_only():
    data = changed("trial/distil", {"loss": "sequence", "alpha": 1.0})
    data["trial"]["student"] = {**LLAMA, "tokenizer": "word", "vocab": 400}
    data["space"] = {"optim.lr": [1e-3, 1e-4]}
    with pytest.raises(ConfigError, match=r"set capture\.targets greedy"):
        sweep_from(data, "file.yaml")
    data["capture"] = {"targets": "greedy"}
    assert sweep_from(data, "file.yaml").trial.student.own_tokenizer
    data["trial"]["distil"]["alpha"] = 0.5
    with pytest.raises(ConfigError, match=r"set alpha 1\.0"):
        sweep_from(data, "file.yaml")
