"""Cores, memory, disks, accelerators and compilers, as a process of ours would find them."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from kdray.doctor.limits import available_bytes, cpu_quotas, memory_limits

COMPILERS = {"c++": ("c++", "g++", "clang++"), "nvcc": ("nvcc",), "ninja": ("ninja",)}
"""What extensions are built with: any of these commands."""
DEVICES = {"NVIDIA": "/dev/nvidia0", "NVIDIA (WSL)": "/dev/dxg", "AMD": "/dev/kfd"}
"""Kind of accelerator -> the file that its driver makes."""


@dataclass(frozen=True)
class Memory:
    """Bytes of the machine, those that this process and its children may use, and those that are free now."""

    machine_bytes: int
    usable_bytes: int
    free_bytes: int


@dataclass(frozen=True)
class Disk:
    """The file system of a folder, and whether files can be made in it."""

    folder: str
    total_bytes: int
    free_bytes: int
    writable: bool


@dataclass(frozen=True)
class Accelerators:
    """What torch finds.

    Attributes:
        torch: its version, None where it cannot be imported.
        names: one a device.
        built_for: `cuda 12.8`, `rocm 6.2` or `cpu`.
        drivers: kinds of device with a driver here, whether torch can use them or not.
        error: why torch cannot be imported, else "".
    """

    torch: str | None
    names: tuple[str, ...]
    built_for: str
    drivers: tuple[str, ...]
    error: str = ""


def cores() -> float:
    """Processor cores that this process may use; part of one under a quota."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([float(here), *cpu_quotas()])


def memory() -> Memory:
    """Memory as it is now."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [limit for limit in memory_limits() if limit.limit_bytes < machine]
    free = [available_bytes() or machine, *(limit.limit_bytes - limit.used_bytes for limit in limits)]
    return Memory(machine, min([machine, *(limit.limit_bytes for limit in limits)]), max(0, min(free)))


def disk(folder: str) -> Disk | None:
    """A folder's file system; None where there is no such folder."""
    if not Path(folder).is_dir():
        return None
    usage = shutil.disk_usage(folder)
    return Disk(folder, usage.total, usage.free, os.access(folder, os.W_OK | os.X_OK))


def accelerators() -> Accelerators:
    """Imports torch, which takes seconds."""
    drivers = tuple(kind for kind, device in DEVICES.items() if Path(device).exists())
    try:
        import torch

        names = tuple(torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count()))
        hip = getattr(torch.version, "hip", None)
        built = f"rocm {hip}" if hip else f"cuda {torch.version.cuda}" if torch.version.cuda else "cpu"
        return Accelerators(str(torch.__version__), names, built, drivers)
    except Exception as error:  # a broken installation fails in many ways, and here is where they are told
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Accelerators(None, (), "", drivers, reason)


def compilers() -> dict[str, str | None]:
    """Name -> path of the command, None where there is none."""
    return {name: next(filter(None, map(shutil.which, known)), None) for name, known in COMPILERS.items()}


def system() -> str:
    """Operating system and processor."""
    return f"{platform.system()} {platform.release()} {platform.machine()}"
