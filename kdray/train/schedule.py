"""The learning rate over a trial."""

from __future__ import annotations

import math

from kdray.config import Optim


def lr_ratio(step: int, optim: Optim, steps: int) -> float:
    """The learning rate of 0-based `step` as a share of `optim.lr`, in (0, 1]: linear warm-up, then the
    decay.
    """
    if step < optim.warmup_steps:
        return (step + 1) / (optim.warmup_steps + 1)
    done = min(1.0, (step - optim.warmup_steps) / max(1, steps - optim.warmup_steps))
    if optim.schedule == "constant":
        return 1.0
    left = 1 - done if optim.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return optim.final_lr_ratio + (1 - optim.final_lr_ratio) * left
