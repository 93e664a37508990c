"""A Ray with a job server, in a world of its own: python -m tests.cluster.jobs FOLDER

FOLDER holds sweep.yaml. Launches it with `kdray launch --on ray`, kills that process once a trial runs, and
launches again: the second finds the job of the first and follows it to its end.
"""

import os
import subprocess
import sys
from pathlib import Path

from kdray import results
from tests.cluster.hosts import NETWORK, names_without_dns, sh, until

ADDRESS = "http://127.0.0.1:8265"


def launch(folder: Path) -> list[str]:
    """The command as a user types it."""
    return [
        "kdray", "launch", str(folder / "sweep.yaml"), "--on", "ray", "--address", ADDRESS, "--folder", str(folder)
    ]  # fmt: skip


def main(folder: Path) -> None:
    sh(f"ip link set lo up; ip addr add {NETWORK}.1/24 dev lo")
    names_without_dns(folder, {f"{NETWORK}.1": os.uname().nodename})
    head = subprocess.Popen(
        ["ray", "start", "--head", "--include-dashboard=true", "--dashboard-host=127.0.0.1", "--num-cpus=2",
         "--num-gpus=0", "--object-store-memory=100000000", "--disable-usage-stats", "--block"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    until(
        lambda: "ready" in sh(f"curl -s {ADDRESS}/api/version >/dev/null && echo ready || true"),
        "a job server",
    )
    first = subprocess.Popen(launch(folder), stderr=subprocess.PIPE, text=True)
    runs = folder / "runs" / "small"
    until(lambda: (runs / "sweep.yaml").exists() and results.read(runs), "a trial", 200)
    assert head.poll() is None
    first.kill()
    second = subprocess.run(launch(folder), stderr=subprocess.PIPE, text=True, timeout=300)
    print(second.stderr)
    assert second.returncode == 0, second.stderr
    assert "runs this sweep already" in second.stderr
    print(sh(f"ray job list --address {ADDRESS} 2>&1"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
