"""Nothing is lost of any stage, whatever happens to it (`tests/benchmarks/faults.py` tries for longer)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "benchmarks" / "faults.py"


@pytest.mark.cluster
@pytest.mark.timeout(290)
def test_nothing_is_lost_of_any_stage() -> None:
    typed = [sys.executable, str(SCRIPT), "--faults", "28", "--seconds", "75", "--seed", "1"]
    done = subprocess.run(typed, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["lost"] == 0, done.stdout
    assert told["faults"] >= 8
