"""How many threads a process of a trial computes with."""

from __future__ import annotations

import os
import sys

from kdray.process_memory import bound_caches


def use_threads(count: int) -> None:
    """Lets this process compute with `count` threads, whether torch is here already or comes later."""
    bound_caches()  # of a Ray that somebody else started
    os.environ["OMP_NUM_THREADS"] = str(count)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(count)
