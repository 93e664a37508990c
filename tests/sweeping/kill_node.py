"""A driver on a Ray of a head and two nodes; the node of the first rung is killed then: `python -m
tests.sweeping.kill_node FOLDER`. Prints the key of the trial that ran there, then a line for each event.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from kdray.workers import ray_session
from kdray.workers.runner import run
from tests.sweeping.kill_driver import the_sweep

NODE = {"object_store_memory": ray_session.OBJECT_STORE_BYTES, "node_ip_address": "127.0.0.1"}


def kill(cluster: Any, node: Any, worker: int) -> None:
    """All of a node dies at one moment: a worker that outlives its raylet for a second would report again."""
    os.kill(worker, signal.SIGSTOP)
    cluster.remove_node(node, allow_graceful=False)
    os.kill(worker, signal.SIGKILL)


def main(folder: str) -> None:
    ray_session.prepare()
    os.environ.update(ray_session.LOCAL_ENVIRONMENT)
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "include_dashboard": False}
    )
    nodes = {node.node_id: node for node in (cluster.add_node(**NODE, num_cpus=1) for _ in range(2))}
    ray.init(address=cluster.address, configure_logging=False, log_to_driver=False)
    doomed: list[str] = []

    def watch(event: Any) -> None:
        print(event.kind, event.key, event.detail.get("resumed_from", ""), flush=True)
        if event.kind == "rung" and not doomed:
            doomed.append(event.key)
            print("doomed", event.key, flush=True)
            metrics = event.detail["metrics"]
            kill(cluster, nodes[metrics["node"]], metrics["pid"])

    try:
        # Without halving, so that the trial is surely one that goes on.
        run(
            the_sweep(4, halving=False),
            folder,
            on_event=watch,
            trial_factory="tests.sweeping.fake_run:Located",
        )
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
