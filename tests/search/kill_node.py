"""A driver on a Ray of two nodes, one of which is killed when a trial there has reached its first rung:
`python kill_node.py FOLDER`. Prints the key of that trial, then a line for each event.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from kill_driver import the_sweep

from kdray.search import session
from kdray.search.runner import run

NODE = {"num_cpus": 1, "object_store_memory": session.OBJECT_STORE_BYTES, "node_ip_address": "127.0.0.1"}


def main(folder: str) -> None:
    session.prepare()
    os.environ.update(session.LOCAL_ENVIRONMENT)
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    second = cluster.add_node(**NODE)
    ray.init(address=cluster.address, configure_logging=False, log_to_driver=False)
    doomed: list[str] = []

    def watch(event: Any) -> None:
        print(event.kind, event.key, event.detail.get("resumed_from", ""), flush=True)
        if event.kind == "rung" and not doomed and event.detail["metrics"]["node"] == second.node_id:
            doomed.append(event.key)
            print("doomed", event.key, flush=True)
            cluster.remove_node(second, allow_graceful=False)

    try:
        # Without halving, so that the trial of the first rung there is surely the one that goes on there.
        run(the_sweep(4, halving=False), folder, on_event=watch, trial_factory="fake_run:Located")
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main(sys.argv[1])
