"""Gives freed memory back to the operating system.

Batches differ in length, so glibc's heap fragments: on the demo's sweep a worker held 1.8 GB after 40 steps
and 3.8 GB after 200, of which half was free inside the heap. One `malloc_trim` brought 1.8 GB down to 0.9 GB
in 0.1 s. A full collection of garbage takes 0.3 s over the modules of torch, transformers and DeepSpeed, as long
as sixty small steps: the loop only trims, what collects is the end of a trial.
"""

from __future__ import annotations

import ctypes
import gc
from functools import lru_cache
from typing import Any

TRIM_EVERY = 50
"""Steps between two trims."""


@lru_cache(maxsize=1)
def _libc() -> Any:
    try:
        return ctypes.CDLL("libc.so.6")
    except OSError:  # another operating system, another allocator
        return None


def trim() -> None:
    """Returns free heap pages; does nothing where the C library is not glibc."""
    libc = _libc()
    if libc is not None and hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def collect() -> None:
    """Collects garbage, whose pages are then free to return."""
    gc.collect()
    trim()
