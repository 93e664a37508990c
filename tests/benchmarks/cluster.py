"""How the runner scales over hosts: trials of a fixed length that compute nothing, on 1, 2 and 3 of them.

    python tests/benchmarks/cluster.py [--quick]

Every host is a network namespace with a Ray node of its own (see tests/cluster/hosts.py), four trials at a time
on each, so that this machine's cores are no limit: what is measured is the driver. Ends with one JSON line.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "search")]

from tests.cluster import hosts  # noqa: E402

TRIAL_S, SLOTS = 2.0, 4


def measure(nodes: int, trials: int, folder: Path) -> dict[str, float]:
    """Inside a world: one sweep on a fresh cluster."""
    from tests.cluster.nodes import Cluster

    cluster = Cluster(folder, workers=nodes, cpus=SLOTS, step_s=TRIAL_S)
    sweep = cluster.sweep(workers=1, concurrent=nodes * SLOTS, trials=trials, rungs=[1])
    time.sleep(10)
    driver = cluster.drive(sweep, "FakeRun")
    assert driver.wait(timeout=900) == 0, (folder / "small.log").read_text()[-3000:]
    found: dict[str, float] = json.loads((folder / "small.log").read_text().splitlines()[-1])
    return found


def main(quick: bool) -> None:
    if reason := hosts.why_not():
        print(json.dumps({"skipped": reason}))
        return
    rows = {}
    for nodes in (1, 3) if quick else (1, 2, 3):
        trials = (4 if quick else 84) * nodes * SLOTS // (1 if quick else 2)
        with tempfile.TemporaryDirectory() as folder:
            said = hosts.run_world(
                "tests.benchmarks.cluster", str(nodes), str(trials), folder, timeout_s=1000
            )
        found = json.loads(said.splitlines()[-1])
        rows[nodes] = {
            "trials": trials, "ideal": nodes * SLOTS / TRIAL_S, **found,
        }  # fmt: skip
        print(f"{nodes} hosts: " + "  ".join(f"{name} {value:.3g}" for name, value in rows[nodes].items()))
    last = rows[max(rows)]
    figures = {str(nodes): round(row["trials_per_s"], 3) for nodes, row in rows.items()}
    print(
        json.dumps(
            {
                **figures,
                "driver_cpu_share": round(last["cpu_share"], 3),
                "driver_mb": round(last["mb"]),
                "trials": {str(nodes): row["trials"] for nodes, row in rows.items()},
                "quick": quick,
            }
        )
    )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main("--quick" in sys.argv[1:])
