"""How long one answer takes on a processor and what memory it needs: measured, where `students.cost` counts.

Time is the median over a few inputs, one at a time, on one thread. Memory is the most that tensors held at a time
while the longest of them was answered, the weights included: not the interpreter, nor what a kernel takes and
gives back within one operation. Time depends on what else the machine does; memory does not.
"""

from __future__ import annotations

import copy
import statistics
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from kdray.evaluation.answering import answering
from kdray.tasks import Task

INPUTS = 8
"""How many inputs are timed."""


def speed(model: Any, task: Task, prompts: Sequence[NDArray[np.int32]]) -> dict[str, float]:
    """`latency_ms` of one answer, and `peak_memory_mb` (10^6 bytes) of the longest prompt's.

    Args:
        model: a student; one on an accelerator is copied to the processor.
        task: what it answers.
        prompts: inputs; the first `INPUTS` are timed.
    """
    if next(model.parameters()).device.type != "cpu":
        model = copy.deepcopy(model).to("cpu")
    chosen = [torch.from_numpy(prompt.astype("int64"))[None] for prompt in prompts[:INPUTS]]
    longest = max(chosen, key=lambda ids: ids.shape[1])
    with _one_thread():
        peak = peak_bytes(model, lambda: one_answer(model, longest, task))  # warms up, too
        times = []
        for ids in chosen:
            started = time.perf_counter()
            one_answer(model, ids, task)
            times.append(1000 * (time.perf_counter() - started))
    return {"latency_ms": statistics.median(times), "peak_memory_mb": peak / 1e6}


@torch.inference_mode()
def one_answer(model: Any, ids_1T: Tensor, task: Task) -> None:
    """An assertion by `generate`, or a classifier's class."""
    answering(task).one(model, task, ids_1T)


def peak_bytes(model: Any, work: Callable[[], object]) -> int:
    """Bytes of the model's tensors and of the most others that lived at a time during `work`."""
    held = {tensor.untyped_storage() for tensor in (*model.parameters(), *model.buffers())}
    with _Meter(held) as meter:
        work()
    return int(meter.most + sum(storage.nbytes() for storage in held))


class _Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every tensor that an operation makes, and when its memory goes."""

    def __init__(self, held: set[Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._known = {storage._cdata for storage in held}
        self.now: int = 0
        self.most: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._see(tensor.untyped_storage())
        return made

    def _see(self, storage: Any) -> None:
        if storage._cdata in self._known:
            return
        self._known.add(storage._cdata)
        self.now += storage.nbytes()
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._forget, storage._cdata, storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
