"""How many threads a process of a trial computes with."""

from __future__ import annotations

import os
import sys


def use_threads(count: int) -> None:
    """Lets this process compute with `count` threads, whether torch is here already or comes later."""
    os.environ["OMP_NUM_THREADS"] = str(count)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(count)
