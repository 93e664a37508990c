"""A trial that trains nothing: its metrics are a formula of its settings."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from kdray.config import Trial
from kdray.errors import TrialFailed
from kdray.storage import room
from kdray.teacher.shards import ShardSource

STEP_S = float(os.environ.get("FAKE_STEP_S", "0.0"))


class FakeRun:
    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.step = 0

    @property
    def done(self) -> bool:
        return self.step >= self.trial.budget.steps

    def next_rung(self) -> dict[str, Any]:
        before, self.step = self.step, next(rung for rung in self.trial.budget.reports if rung > self.step)
        time.sleep(STEP_S)
        distil = self.trial.distil
        share = self.step / self.trial.budget.steps
        return {
            "step": self.step,
            "assertion_accuracy": share * (1 - (distil.alpha - 0.5) ** 2),
            "metamorphic_discrepancy": 1 - share * (1 - abs(distil.temperature - 2) / 10),
            "loss_curve": [[step, 2 / step] for step in range(before + 1, self.step + 1)],
            "student_params": 100 * self.trial.student.hidden,
            "intervals": {"assertion_accuracy": [0.0, 1.0]},
            "pid": os.getpid(),
        }

    def save(self, folder: str) -> None:
        Path(folder, "fake.json").write_text(json.dumps({"step": self.step}))

    def load(self, folder: str) -> None:
        self.step = json.loads(Path(folder, "fake.json").read_text())["step"]

    def export(self, folder: str) -> None:
        Path(folder).mkdir(exist_ok=True)

    def close(self) -> None:
        pass


class Slow(FakeRun):
    """Takes a while for each rung."""

    def next_rung(self) -> dict[str, Any]:
        time.sleep(0.4)
        return super().next_rung()


class Located(Slow):
    """Says on which of Ray's nodes it runs."""

    def next_rung(self) -> dict[str, Any]:
        import ray

        node = ray.get_runtime_context().get_node_id()
        return {**super().next_rung(), "node": node, "host": socket.gethostname()}


class Misbehaving(FakeRun):
    """By `student.heads`: 1 nothing, 2 a NaN, 3 no metric, 4 an exception, 5 out of memory, 6 the process
    dies, 7 a TrialFailed.
    """

    def next_rung(self) -> dict[str, Any]:
        metrics = super().next_rung()
        kind = self.trial.student.heads
        if self.step == self.trial.budget.reports[0]:
            return metrics
        if kind == 2:
            metrics["assertion_accuracy"] = float("nan")
        if kind == 3:
            del metrics["metamorphic_discrepancy"]
        if kind == 4:
            raise ValueError("the student went missing")
        if kind == 5:
            raise MemoryError("no room for 12 GB")
        if kind == 6:
            os._exit(7)
        if kind == 7:
            raise TrialFailed("the loss is nan at step 2")
        return metrics


class OnAFullDisk(FakeRun):
    """Finds no room for its second checkpoint."""

    def save(self, folder: str) -> None:
        if self.step > self.trial.budget.reports[0]:
            with room(folder):
                raise OSError(errno.ENOSPC, "No space left on device")
        super().save(folder)


class Paired(FakeRun):
    """Two processes that meet at every rung by a real collective."""

    def __init__(self, trial: Trial, world: Any) -> None:
        super().__init__(trial)
        from kdray.train.engine import join_process_group

        self.world = world
        join_process_group(world)

    def next_rung(self) -> dict[str, Any]:
        import torch

        metrics = super().next_rung()
        pids = torch.zeros(self.world.size, dtype=torch.int64)
        pids[self.world.rank] = os.getpid()
        torch.distributed.all_reduce(pids)
        return {**metrics, "size": self.world.size, "peer": int(pids[1])}


class PairedMisbehaving(Paired):
    """By `student.heads`: 2 rank 0 gives up before it meets rank 1, 4 rank 1 fails before it meets rank 0."""

    def next_rung(self) -> dict[str, Any]:
        if self.trial.student.heads == 2 and self.world.rank == 0:
            raise TrialFailed("the loss is nan at step 1")
        if self.trial.student.heads == 4 and self.world.rank == 1:
            raise ValueError("the peer went astray")
        return super().next_rung()


class Reads:
    """Reads the trial's shards, and needs every rank's part of a checkpoint to go on."""

    def __init__(self, trial: Trial, *world: Any) -> None:
        super().__init__(trial, *world)  # type: ignore[call-arg]
        self.ranks = range(world[0].size) if world else range(1)
        self.rank = world[0].rank if world else 0
        self.source = ShardSource.open(str(trial.shards))

    def next_rung(self) -> dict[str, Any]:
        self.source.take([0])
        return {**super().next_rung(), "host": socket.gethostname()}  # type: ignore[misc]

    def save(self, folder: str) -> None:
        Path(folder, f"rank{self.rank}.json").write_text(json.dumps({"step": self.step}))

    def load(self, folder: str) -> None:
        steps = [json.loads(Path(folder, f"rank{rank}.json").read_text())["step"] for rank in self.ranks]
        assert len(set(steps)) == 1
        self.step = steps[0]


class Reading(Reads, Slow):
    """Alone."""


class ReadingPaired(Reads, Paired):
    """In two processes."""
