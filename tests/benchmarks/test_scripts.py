"""Every figure's script starts: what it imports from kdray is still there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPTS = [
    path.name
    for path in sorted(HERE.glob("*.py"))
    if not path.name.startswith("test_") and '__name__ == "__main__"' in path.read_text()
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_starts_and_says_how_it_is_used(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / script), "--help"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert f"usage: {script}" in done.stdout
