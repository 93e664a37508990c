"""How the runner scales: trials of a fixed length that compute nothing, on hosts of one machine.

    python tests/benchmarks/cluster.py [--quick] [PART...]

Every host is a network namespace with a Ray node of its own (see tests/cluster/hosts.py). Without a name all parts
run, two minutes each:

nodes-N      N hosts, four trials of 2 s at a time on each: what the runner makes of more hosts
limit        one host, 8 trials of no length at a time: as fast as one driver can; its study is a file
postgres-N   the same on a PostgreSQL, shared by N drivers

Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "search")]

from tests.cluster import hosts, postgres  # noqa: E402


@dataclass(frozen=True)
class Part:
    """One sweep on a fresh cluster.

    Attributes:
        nodes: hosts that train.
        slots: trials at a time, on all of them.
        trial_s: how long each trial sleeps.
        trials: in all.
        drivers: processes that share the sweep; 0 for one with its study in a file.
    """

    nodes: int
    slots: int
    trial_s: float
    trials: int
    drivers: int = 0


PARTS = {
    **{f"nodes-{n}": Part(n, 4 * n, 2.0, 160 * n) for n in (1, 2, 3)},
    "limit": Part(1, 8, 0.0, 1000),
    **{f"postgres-{n}": Part(1, 8, 0.0, 400, n) for n in (1, 2, 4)},
}


def measure(part: Part, folder: Path) -> dict[str, float]:
    """Inside a world."""
    from tests.cluster.nodes import Cluster

    with postgres.server() if part.drivers else contextlib.nullcontext() as url:
        cluster = Cluster(folder, workers=part.nodes, cpus=part.slots // part.nodes, step_s=part.trial_s)
        drivers = max(part.drivers, 1)
        sweep = cluster.sweep(
            workers=1, concurrent=part.slots // drivers, trials=part.trials, rungs=[1], drivers=drivers,
            search={"storage": url},
        )  # fmt: skip
        time.sleep(10)
        for process in [cluster.drive(sweep, "FakeRun") for _ in range(drivers)]:
            assert process.wait(timeout=900) == 0, cluster.log(sweep)
    said = [json.loads(line) for line in cluster.log(sweep).splitlines() if line.startswith("{")]
    assert len(said) == drivers
    return {
        "trials_per_s": sum(one["trials_per_s"] for one in said) / drivers,  # each hears of all trials
        "cpu_share": sum(one["cpu_share"] for one in said) / drivers,
        "mb": max(one["mb"] for one in said),
    }


def main(names: list[str], quick: bool) -> None:
    if reason := hosts.why_not() or postgres.why_not():
        print(json.dumps({"skipped": reason}))
        return
    rows: dict[str, dict[str, Any]] = {}
    for name in names:
        part = PARTS[name]
        if quick:
            part = replace(part, trials=8 * part.slots)
        with tempfile.TemporaryDirectory() as folder:
            arguments = json.dumps(asdict(part)), folder
            said = hosts.run_world("tests.benchmarks.cluster", "--inside", *arguments, timeout_s=1000)
        rows[name] = {"trials": part.trials, **json.loads(said.splitlines()[-1])}
        print(
            f"{name:<10}  " + "  ".join(f"{key} {value:.3g}" for key, value in rows[name].items()), flush=True
        )
    nodes = {name[-1]: row for name, row in rows.items() if name.startswith("nodes-")}
    found: dict[str, Any] = {number: round(row["trials_per_s"], 3) for number, row in nodes.items()}
    if nodes:
        last = nodes[max(nodes)]
        found |= {"driver_cpu_share": round(last["cpu_share"], 3), "driver_mb": round(last["mb"])}
    print(json.dumps({**found, "parts": rows, "quick": quick}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; none means all")
    parser.add_argument(
        "--quick", action="store_true", help="few trials, and without a part only two of them"
    )
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        print(json.dumps(measure(Part(**json.loads(asked.inside[0])), Path(asked.inside[1]))))
    elif unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}")
    else:
        main(asked.parts or (["nodes-1", "nodes-3"] if asked.quick else list(PARTS)), asked.quick)
