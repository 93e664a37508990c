from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from kdray.errors import KdrayError
from kdray.experiment.lock import lock


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
