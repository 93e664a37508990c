"""Capture on a Ray cluster: an actor per core or GPU, each with the teacher, each writing whole shards, or doing
what else is asked of the teacher; the process that plans it holds no weights.

An actor that dies is started again and its work done again; what a shard holds does not depend on who writes it.
The folder must be one that every node sees. A shard's rows travel with it, not the corpus.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util import ActorPool

from kdray.console import Advance
from kdray.errors import DataError, KdrayError
from kdray.tasks.row import Row
from kdray.teacher.capture import Plan, opened, prepare, write_shard
from kdray.teacher.codec import Codec
from kdray.teacher.manifest import Manifest, ShardHeader
from kdray.teacher.shards import ShardWriter
from kdray.workers.causes import describe, origin_of

Make = Callable[[], Any]
"""Loads the teacher, once in each actor; picklable: a function of a module, or a partial of one."""
Job = Callable[[Any], Any]
"""What is asked of a teacher that `Make` made; picklable."""
Stores = tuple[tuple[str, Codec], ...]

FITTED = -1
"""In place of a shard's number."""
RELEASE_S = 30.0
"""How long ended actors are waited for at most."""


class _Teacher:
    """One teacher on one device, loaded when it is first asked: what is wrong with it is told then."""

    def __init__(self, make: Make) -> None:
        self._make, self._made = make, None

    def do(self, job: Job) -> Any:
        self._made = self._made or self._make()
        return job(self._made)


@dataclass(frozen=True)
class Share:
    """What an actor holds of the cluster.

    Attributes:
        cpus: cores.
        gpus: GPUs.
        bytes: of memory, where it is known; one actor there is in any case.
    """

    cpus: float = 1
    gpus: float = 0
    bytes: float = 0

    def room(self) -> int:
        """How many actors the cluster has room for now."""
        free = ray.available_resources()
        limits = [
            free.get(kind, 0.0) / each for kind, each in (("CPU", self.cpus), ("GPU", self.gpus)) if each
        ]
        fitting = int(min(limits, default=1))
        if self.bytes and fitting > 1:
            fitting = max(1, min(fitting, int(free.get("memory", 0.0) / self.bytes)))
        return fitting


class TeachersOnRay:
    """Teachers in actors of the Ray that this process is connected to, while it is entered.

    Args:
        make: loads the teacher in an actor.
        share: what each actor holds.
        actors: how many at most; None fills the cluster.
    """

    def __init__(self, make: Make, share: Share = Share(), actors: int | None = None) -> None:
        self._make, self._share, self._most = make, share, actors
        self._actors: list[Any] = []

    def __enter__(self) -> TeachersOnRay:
        """Raises `DataError` where the cluster has no room for one actor."""
        share, self._room = self._share, self._share.room()
        if self._room < 1 and self._most is None:
            each = f"{share.cpus:g} CPUs and {share.gpus:g} GPUs"
            raise DataError(f"capture: the cluster has no room for an actor with {each}")
        options = {"num_cpus": share.cpus, "num_gpus": share.gpus, "max_restarts": 3, "max_task_retries": 3}
        kind = ray.remote(**options)(_Teacher)
        self._actors = [kind.remote(self._make) for _ in range(self._most or self._room)]
        return self

    def __exit__(self, *_: object) -> None:
        for actor in self._actors:
            ray.kill(actor)
        # Ray says a moment later that they let go, and who comes next asks at once.
        until = time.monotonic() + RELEASE_S
        while self._share.room() < self._room and time.monotonic() < until:
            time.sleep(0.05)

    def ask(self, job: Job, advance: Advance | None = None) -> Any:
        """What one of them answers; nobody is shown how far it is."""
        with _plainly():
            return ray.get(self._actors[0].do.remote(job))

    def capture(
        self,
        rows: Sequence[Row],
        stores: Mapping[str, Codec],
        header: ShardHeader,
        *,
        batch_size: int = 32,
        rows_per_shard: int = 512,
        progress: Callable[[int, int], None] | None = None,
        beside: Sequence[Job] = (),
    ) -> dict[str, Manifest]:
        """Like `teacher.capture.capture`, by all of them; and whatever else there is to do.

        Args:
            rows: the corpus.
            stores: folder (path or URI that every node sees) -> how the signal is stored there; none captures
                nothing.
            header: whose signal it is.
            batch_size: rows of a forward pass.
            rows_per_shard: rows of a shard.
            progress: called with (rows done, rows in all) after each shard.
            beside: what is asked of a teacher besides.

        Raises:
            DataError: no rows, or a folder that holds something else.
        """
        if stores and not rows:
            raise DataError(f"{', '.join(stores)}: nothing to capture: the corpus has no rows")
        plan, writers = Plan(rows, rows_per_shard, batch_size), opened(stores, header)
        missing = [n for n in range(len(plan)) if not all(writer.has(n) for writer in writers)]
        kept = tuple(stores.items())
        write = partial(_write, stores=kept, header=header, batch_size=batch_size)

        def job(one: int | Job) -> Job:
            """Made when an actor is free for it: of the corpus no more is held than what is being done."""
            if one == FITTED:
                return partial(_prepare, plan.sample(), kept, header, batch_size)
            return partial(write, plan.shard(one), one) if isinstance(one, int) else partial(_done, one)

        done = sum(len(plan.shard(n)) for n in range(len(plan)) if n not in missing)
        with _plainly():
            for number in self._all_done(job, missing, beside):
                done += len(plan.shard(number))
                if progress:
                    progress(done, len(rows))
        return {writer.folder: writer.finish(len(plan)) for writer in writers}

    def _all_done(
        self, job: Callable[[int | Job], Job], shards: Sequence[int], beside: Sequence[Job]
    ) -> Iterator[int]:
        """The numbers of shards as they are written: after the state is fitted, once, before anything is encoded
        with it. What needs none is done meanwhile, or last where there is nobody else to do it.
        """
        fits = [FITTED] if shards else []
        alone = len(self._actors) == 1
        pool = ActorPool(self._actors)

        def submit(work: Sequence[int | Job]) -> None:
            for one in work:
                pool.submit(lambda actor, one: actor.do.remote(job(one)), one)

        submit([*fits, *shards, *beside] if alone else [*fits, *beside])
        while pool.has_next():
            number = pool.get_next_unordered()
            if number == FITTED and not alone:
                submit(shards)
            elif number not in (None, FITTED):
                yield number


@lru_cache(maxsize=1)
def _writers(stores: Stores, header: ShardHeader) -> list[ShardWriter]:
    """Opened once in an actor: opening looks at every shard that is there."""
    return opened(dict(stores), header)


def _prepare(
    sample: Sequence[Row], stores: Stores, header: ShardHeader, batch_size: int, teacher: Any
) -> int:
    prepare(sample, _writers(stores, header), teacher, batch_size)
    return FITTED


def _write(
    rows: Sequence[Row], number: int, teacher: Any, *, stores: Stores, header: ShardHeader, batch_size: int
) -> int:
    write_shard(rows, _writers(stores, header), teacher, number, batch_size)
    return number


def _done(job: Job, teacher: Any) -> None:
    job(teacher)


@contextmanager
def _plainly() -> Iterator[None]:
    """Raises what an actor raised as it would have been raised here, where it is told in a line; and `DataError`
    where an actor died again and again.
    """
    try:
        yield
    except RayTaskError as error:
        origin = origin_of(error)
        if isinstance(origin, KdrayError):
            raise origin from None
        raise
    except RayError as error:
        raise DataError(
            f"capture: {describe(error)}: if memory ran out, set capture.dtype auto or a smaller"
            " capture.batch_size; the same command goes on from here"
        ) from None
