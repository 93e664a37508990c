"""What torch remembers of the shapes that it has seen is bounded."""

from __future__ import annotations

import subprocess
import sys

import pytest

GROWN = """
import ctypes
from kdray.process_memory import bound_caches
bound_caches()
import torch

class Heap(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

def used():
    heap = libc.mallinfo2()
    return (heap.uordblks + heap.hblkhd) / 2**20

libc = ctypes.CDLL("libc.so.6")
libc.mallinfo2.restype = Heap
torch.set_num_threads(1)
weights = torch.randn(352, 128, dtype=torch.bfloat16)

def multiply(lengths):
    for length in lengths:
        torch.nn.functional.linear(torch.randn(length, 128, dtype=torch.bfloat16), weights)

multiply(range(1000, 1080))
before = used()
multiply(range(2000, 2160))
print(used() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_new_shapes_do_not_fill_the_memory():
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GROWN], capture_output=True, text=True, check=True
    )
    assert float(found.stdout) < 8  # MB; 90 with torch's own limits
