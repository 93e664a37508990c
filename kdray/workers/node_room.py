"""Whether Ray's nodes have room for a trial, said before Ray would wait for ever."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from kdray.config import ACCELERATOR, Resources
from kdray.errors import ConfigError, nearest


def nodes() -> dict[str, Mapping[str, float]]:
    """Id of each of Ray's nodes -> its resources."""
    import ray

    return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}


def check_accelerator(resources: Resources, nodes: Sequence[Mapping[str, float]]) -> None:
    """Refuses an accelerator that neither Ray nor any node has heard of. Raises `ConfigError` with the nearest."""
    from ray.util import accelerators

    wanted = resources.accelerator_type
    known = {kind for kind in vars(accelerators).values() if isinstance(kind, str)} | _kinds(nodes)
    if wanted is not None and wanted not in known:
        hint = nearest(wanted, _kinds(nodes) or known)
        raise ConfigError(f"resources.accelerator_type: nobody knows a '{wanted}'{hint}")


def _kinds(nodes: Sequence[Mapping[str, float]]) -> set[str]:
    """The accelerators that nodes have."""
    return {name.removeprefix(ACCELERATOR) for node in nodes for name in node if name.startswith(ACCELERATOR)}


def check_room(resources: Resources, nodes: Sequence[Mapping[str, float]]) -> None:
    """Refuses a sweep of which not even one trial fits: Ray would wait for ever. More trials than fit wait their
    turn.

    Args:
        resources: what a trial takes.
        nodes: what each node has, in Ray's words: `CPU`, `GPU`, `accelerator_type:A10G`.

    Raises:
        ConfigError: with what is missing.
    """
    kind = resources.accelerator_type
    if kind is not None:
        kinds = _kinds(nodes)
        nodes = [node for node in nodes if ACCELERATOR + kind in node]
        if not nodes:
            hint = nearest(kind, kinds) if kinds else ": no node has any"
            raise ConfigError(f"resources.accelerator_type: no node has a '{kind}'{hint}")
    worker = {"CPU": resources.cpus_per_worker, "GPU": resources.gpus_per_worker}
    for name, amount in worker.items():
        there = sum(node.get(name, 0.0) for node in nodes)
        if resources.workers * amount > there + 1e-9:
            raise ConfigError(
                f"resources: one trial takes {resources.workers * amount:g} {name}, there are {there:g}"
            )
    taken = {name: amount for name, amount in worker.items() if amount > 0}
    room = sum(
        min(math.floor(node.get(name, 0.0) / amount + 1e-9) for name, amount in taken.items())
        for node in nodes
    )
    if room < resources.workers:
        each = " and ".join(f"{amount:g} {name}" for name, amount in taken.items())
        raise ConfigError(
            f"resources: a worker takes {each} of one node; the nodes have room for {room} of {resources.workers}"
        )
