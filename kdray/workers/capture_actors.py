"""Capture on a Ray cluster: an actor per core or GPU, each with the teacher, each writing whole shards.

An actor that dies is started again and its shard written again; what a shard holds does not depend on who
writes it. The folder must be one that every node sees.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import ray
from ray.util import ActorPool

from kdray.errors import DataError
from kdray.tasks.row import Row
from kdray.teacher.capture import Forward, Plan, opened, prepare, write_shard
from kdray.teacher.codec import Codec
from kdray.teacher.manifest import Manifest, ShardHeader

MakeForward = Callable[[], Forward]
"""Loads the teacher, once in each actor; picklable: a function of a module, or a partial of one."""

RELEASE_S = 30.0
"""How long ended actors are waited for at most."""
Plans = list[ray.ObjectRef[Plan]]
"""One plan, by reference: it holds all rows, and an actor fetches it once."""


class _Writer:
    """One teacher on one device. Started again it has no plan; every call brings the reference."""

    def __init__(self, stores: Mapping[str, Codec], header: ShardHeader, make: MakeForward) -> None:
        self._writers = opened(stores, header)
        self._forward = make()
        self._plan: Plan | None = None

    def prepare(self, plans: Plans) -> None:
        prepare(self._fetched(plans), self._writers, self._forward)

    def write(self, plans: Plans, number: int) -> int:
        write_shard(self._fetched(plans), self._writers, self._forward, number)
        return number

    def _fetched(self, plans: Plans) -> Plan:
        if self._plan is None:
            self._plan = ray.get(plans[0])
        return self._plan


def capture_on_ray(
    rows: Sequence[Row],
    stores: Mapping[str, Codec],
    header: ShardHeader,
    make_forward: MakeForward,
    *,
    batch_size: int = 32,
    rows_per_shard: int = 512,
    actors: int | None = None,
    cpus_per_actor: float = 1,
    gpus_per_actor: float = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Manifest]:
    """Like `capture`, spread over the cluster that Ray is connected to.

    Args:
        rows: the corpus.
        stores: folder (path or URI that every node sees) -> how the signal is stored there.
        header: whose signal it is.
        make_forward: loads the teacher in an actor.
        batch_size: rows of a forward pass.
        rows_per_shard: rows of a shard.
        actors: how many; None fills the cluster.
        cpus_per_actor: cores that an actor holds.
        gpus_per_actor: GPUs that an actor holds.
        progress: called with (rows done, rows in all) after each shard.

    Raises:
        DataError: no rows, a folder that holds something else, or a cluster without room for one actor.
    """
    if not rows:
        raise DataError(f"{', '.join(stores)}: nothing to capture: the corpus has no rows")
    plan = Plan(rows, rows_per_shard, batch_size)
    writers = opened(stores, header)
    missing = [number for number in range(len(plan)) if not all(writer.has(number) for writer in writers)]
    if missing:
        room = _room(cpus_per_actor, gpus_per_actor)
        if room < 1 and actors is None:
            each = f"{cpus_per_actor:g} CPUs and {gpus_per_actor:g} GPUs"
            raise DataError(f"capture: the cluster has no room for an actor with {each}")
        count = min(actors or room, len(missing))
        options = {
            "num_cpus": cpus_per_actor,
            "num_gpus": gpus_per_actor,
            "max_restarts": 3,
            "max_task_retries": 3,
        }
        plans = [ray.put(plan)]
        kind = ray.remote(**options)(_Writer)
        pool = [kind.remote(stores, header, make_forward) for _ in range(count)]
        try:
            # The state is fitted once, before anything is encoded with it.
            ray.get(pool[0].prepare.remote(plans))
            done = sum(len(plan.shard(number)) for number in range(len(plan)) if number not in missing)
            for number in ActorPool(pool).map_unordered(
                lambda actor, n: actor.write.remote(plans, n), missing
            ):
                done += len(plan.shard(number))
                if progress:
                    progress(done, len(rows))
        finally:
            for actor in pool:
                ray.kill(actor)
        # Ray says a moment later that they let go, and the next capture asks at once.
        until = time.monotonic() + RELEASE_S
        while _room(cpus_per_actor, gpus_per_actor) < room and time.monotonic() < until:
            time.sleep(0.05)
    return {writer.folder: writer.finish(len(plan)) for writer in writers}


def _room(cpus: float, gpus: float) -> int:
    """How many actors the cluster has room for now."""
    free = ray.available_resources()
    limits = [free.get(kind, 0.0) / each for kind, each in (("CPU", cpus), ("GPU", gpus)) if each]
    return int(min(limits, default=1))
