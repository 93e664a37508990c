"""axe-core's rules of accessibility in a browser: its script, from npm, and what it finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

AXE = "KDRAY_AXE"
"""Variable of the environment that names its file `axe.min.js`."""


def axe_script(folder: Path) -> str:
    """Its text, from the file that is named or out of npm; skips where there is neither."""
    if named := os.environ.get(AXE):
        return Path(named).read_text(encoding="utf-8")
    if shutil.which("npm") is None:
        pytest.skip(f"no axe-core: no npm here, and {AXE} names no file")
    asked = subprocess.run(
        ["npm", "pack", "axe-core@4"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    if asked.returncode:
        pytest.skip(f"no axe-core: npm does not get it, and {AXE} names no file")
    with tarfile.open(next(folder.glob("axe-core-*.tgz"))) as packed:
        return packed.extractfile("package/axe.min.js").read().decode()


def violations(driver, script: str) -> list[str]:
    """Rule, elements and reason of each violation on the page that is open."""
    driver.execute_script(script)
    found = driver.execute_async_script(
        "const done = arguments[0];"
        "axe.run().then((r) => done(r.violations), (e) => done([{ id: String(e), nodes: [] }]))"
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary'].splitlines()[1].strip()}"
        for one in found
        for node in one["nodes"] or [{"target": "", "failureSummary": "\n"}]
    ]
