"""One trial on several processes: rank 0 in the Tune worker, the others as actors in the same placement group.

The placement group belongs to the trial, so whatever ends the worker (a stop, a crash, a kill) frees the peers
too. Peers stay for the next trial of the same worker, with the process group they have. A rank that fails leaves
the process group, which ends the collective that the others wait in; nothing of a team that failed is used again
(see `Worker.step`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import RayTaskError
from ray.util.placement_group import get_current_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from kdray.config import Trial, as_data, parse
from kdray.errors import StorageError
from kdray.train import World, free_port, leave_process_group
from kdray.workers.runnable import Carried, Run, open_run
from kdray.workers.threads import use_threads

PEER_WAIT_S = 5.0


class Peer:
    """Rank 1 and up: does what rank 0 does, at the same time."""

    def __init__(self, threads: int) -> None:
        use_threads(threads)
        self._run: Run | None = None

    def begin(self, factory: str, trial: Mapping[str, Any], world: Mapping[str, Any]) -> None:
        """Opens the trial; waits for the other ranks."""
        with _located():
            self._run = open_run(factory, parse(Trial, dict(trial), "trial"), World(**world))

    def call(self, name: str, *args: Any) -> None:
        """Calls a method of the run. Where that fails, rank 0 hears of it by its own next collective."""
        try:
            with _located():
                getattr(self._run, name)(*args)
        except Exception:
            leave_process_group()
            raise


@contextlib.contextmanager
def _located() -> Iterator[None]:
    """Says of a full disk that it is this machine's."""
    try:
        yield
    except StorageError as error:
        error.machine = ray.get_runtime_context().get_node_id()
        raise


class Peers:
    """The other processes of a Tune worker, kept from trial to trial."""

    def __init__(self, count: int, cpus: float, gpus: float, threads: int) -> None:
        group = get_current_placement_group()
        actor = ray.remote(Peer)
        self.actors = [
            actor.options(
                num_cpus=cpus,
                num_gpus=gpus,
                scheduling_strategy=PlacementGroupSchedulingStrategy(
                    group, placement_group_bundle_index=number + 1, placement_group_capture_child_tasks=True
                ),
            ).remote(threads)
            for number in range(count)
        ]

    def call(self, name: str, *args: Any) -> list[Any]:
        """Starts a method of every peer's run; the answers are to be waited for."""
        return [actor.call.remote(name, *args) for actor in self.actors]


class Team:
    """A `Run` of several processes.

    Raises:
        RayActorError: a peer died; rank 0 notices by a collective that fails.
    """

    def __init__(self, peers: Peers, factory: str, trial: Trial) -> None:
        self._peers = peers
        self._failed = False
        size = len(peers.actors) + 1
        address = str(ray.util.get_node_ip_address())
        where: dict[str, Any] = {"size": size, "address": address, "port": free_port(address)}
        begun = [
            actor.begin.remote(factory, as_data(trial), {"rank": rank, **where})
            for rank, actor in enumerate(peers.actors, start=1)
        ]
        self._run: Carried = self._with(begun, lambda: open_run(factory, trial, World(rank=0, **where)))

    @property
    def done(self) -> bool:
        """See `Run`."""
        return self._run.done

    @property
    def worst_cases(self) -> Sequence[Mapping[str, Any]]:
        """Rank 0's, where its run keeps any."""
        return self._run.worst_cases

    def next_rung(self) -> Mapping[str, Any]:
        """See `Run`; the metrics are rank 0's."""
        metrics: Mapping[str, Any] = self._with(self._peers.call("next_rung"), self._run.next_rung)
        return metrics

    def save(self, folder: str) -> None:
        """See `Run`: every rank writes its part."""
        self._with(self._peers.call("save", folder), lambda: self._run.save(folder))

    def load(self, folder: str) -> None:
        """See `Run`."""
        self._with(self._peers.call("load", folder), lambda: self._run.load(folder))

    def export(self, folder: str) -> None:
        """See `Run`: rank 0 has the whole student."""
        self._run.export(folder)

    def close(self) -> None:
        """See `Run`. Peers of a team that failed are left to end with this process."""
        if not self._failed:
            self._with(self._peers.call("close"), self._run.close)

    def _with(self, answers: Sequence[Any], mine: Callable[[], Any]) -> Any:
        """Does my part while the peers do theirs. What a peer fails of is a better reason than what that made
        fail here.
        """
        try:
            result = mine()
            ray.get(list(answers))
        except Exception as error:
            self._failed = True
            leave_process_group()
            if isinstance(error, RuntimeError):  # as a collective raises that lost a peer
                ready, _ = ray.wait(list(answers), num_returns=len(answers), timeout=PEER_WAIT_S)
                for answer in ready:
                    _raise_own_error(answer)
            raise
        return result


def _raise_own_error(answer: Any) -> None:
    """What a peer died of or failed of, if that was no collective."""
    try:
        ray.get(answer)
    except RayTaskError as error:
        if not isinstance(error.cause, RuntimeError):
            raise
