"""What a training step holds in memory, told without weights and before anything is trained.

The student is built of tensors that have shapes and no content (torch's fake ones), and one pass forward says
what it keeps for the gradient, whatever the family, precision, attention or checkpointing. The rest is counted:
weights, their gradient, Adam's moments, the gradient of the vocabulary head that the loss forms beside the others.

Of processors. What an allocator rounds up, and the batch that is read ahead, are not in it
(`tests/benchmarks/step_memory.py` holds it to measured peaks).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kdray.config import CheckpointStudent, TeacherStudent, Trial
from kdray.students.derive import new_model
from kdray.students.families import build, with_fast_attention
from kdray.students.forward import head, hidden_states
from kdray.train.engine import forget_activations
from kdray.train.lora import adapt

PROCESS_BYTES = 0.75e9
"""Of a process that has imported what trains, before there is a student."""
WEIGHT, MOMENTS = 4, {"adamw": 8, "adamw_8bit": 2}
"""Bytes of a number, and of Adam's two moments of it."""
COPIES = {0: 0, 1: 12, 2: 12}
"""Bytes of a number that DeepSpeed holds besides, by ZeRO's stage: flat copies of weights and gradients."""
LOSS_BYTES = 150e6
"""Of a chunk of logits in the loss with what is made of them, and of what a layer needs while it is at work."""


def step_bytes(make: Callable[[], Any], trial: Trial, rows: int) -> float:
    """Bytes of a process at its peak.

    Args:
        make: makes the student (see `student_builder`).
        trial: how it is trained.
        rows: sequences that are held at a time (see `engine.micro_batch`), each as long as its limits let it be.
    """
    params, trained, table, kept = _measured(make, trial, rows)
    stage = int(trial.deepspeed.get("zero_optimization", {}).get("stage", 0))
    each = WEIGHT + MOMENTS[trial.optim.optimizer] + COPIES[stage]
    return PROCESS_BYTES + WEIGHT * (params + table) + each * trained + kept + LOSS_BYTES


def student_builder(trial: Trial, vocab: int, like: Any) -> Callable[[], Any]:
    """What makes a trial's student at random weights, as it is trained.

    Args:
        trial: names it.
        vocab: rows of its teacher's embedding.
        like: its teacher's configuration, or its own of a checkpoint; None for a named family's own.
    """

    def built() -> Any:
        student = trial.student
        if isinstance(student, CheckpointStudent):
            model = with_fast_attention(new_model(like))
        else:
            carried = isinstance(student, TeacherStudent) or student.init != "random"
            model = build(student, vocab, pad_id=0, end_id=1, like=like if carried else None)
        if trial.adapters is not None:
            adapt(model, trial.adapters)
        if trial.optim.gradient_checkpointing:
            forget_activations(model)
        return model

    return built


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keeps a logger from writing tracebacks of what is raised besides."""
    logger = logging.getLogger(name)
    was, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was


def _measured(make: Callable[[], Any], trial: Trial, rows: int) -> tuple[int, int, int, int]:
    """Numbers of the student, of those that are trained and of its vocabulary head, and bytes that a pass forward
    keeps for the gradient.
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.autograd.graph import saved_tensors_hooks

    limits = trial.encoding
    with FakeTensorMode(), _quiet("torch._subclasses.fake_tensor"):
        model = make().train()
        own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
        kept: dict[int, Any] = {}

        def pack(tensor: Any) -> Any:
            storage = tensor.untyped_storage()
            if storage._cdata not in own:
                kept[storage._cdata] = tensor  # held, or another would take its place
            return tensor

        apart = bool(model.config.is_encoder_decoder)
        longest = trial.longest_row - limits.max_target if apart else trial.longest_row
        ids_BT = torch.zeros(rows, longest, dtype=torch.int64)
        ids_BL = torch.zeros(rows, limits.max_target, dtype=torch.int64) if apart else None
        with (
            saved_tensors_hooks(pack, lambda tensor: tensor),
            torch.autocast("cpu", torch.bfloat16, enabled=trial.optim.precision == "bfloat16"),
        ):
            output = hidden_states(model, ids_BT, torch.ones_like(ids_BT), ids_BL)
        del output
        params = sum(parameter.numel() for parameter in model.parameters())
        trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
        return (
            params,
            trained,
            head(model)[0].numel(),
            sum(t.untyped_storage().nbytes() for t in kept.values()),
        )
