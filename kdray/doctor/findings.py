"""What will not work here, why, and one line that mends it.

`broken` is what kdray needs and has not; everything else is a part that one may do without. Optional packages are
no findings (`Checkup.extras`). Bounds on memory and disks are ours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kdray.doctor.checkup import Checkup
from kdray.errors import KdrayError
from kdray.storage import patience_s
from kdray.teacher.cache import limit_bytes
from kdray.workers.ray_session import OBJECT_STORE_BYTES

DEMO_BYTES = 4 * 10**9
"""What `kdray demo` may take: 2.8 GB were measured at its peak (`python tests/benchmarks/memory.py --demo`)."""
ROOM_BYTES = 10**9
"""What an experiment's folder, or Ray's sessions, want at least."""
FULL = 0.95
"""Of a disk: beyond, Ray (2.60) stores no more objects."""
SOCKET = "/ray/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"
"""The longest path that Ray makes below its temporary folder, by its shape."""
SOCKET_BYTES = 107
"""What the path of a socket may have, on Linux."""


@dataclass(frozen=True)
class Finding:
    """Something that will not work: what, why, the mend in one line, and whether kdray needs it."""

    what: str
    why: str
    mend: str
    broken: bool = False


def findings(checkup: Checkup) -> list[Finding]:
    """Everything that is wrong, what is broken first."""
    every = [
        finding
        for look in (_packages, _torch, _accelerator, _memory, _disks, _settings, _parts)
        for finding in look(checkup)
    ]
    return sorted(every, key=lambda finding: not finding.broken)


def _packages(checkup: Checkup) -> Iterator[Finding]:
    if not checkup.packages:
        yield Finding(
            "checking versions",
            "the distribution kdray is not installed, this is a bare checkout",
            "pip install -e .",
        )
    for package in checkup.packages:
        mend = f"pip install '{package.wanted}'"
        if package.installed is None:
            yield Finding("kdray", f"{package.name} is not installed", mend, broken=True)
        elif not package.within:
            yield Finding(
                "kdray", f"{package.name} {package.installed} is not in {package.declared}", mend, broken=True
            )
        elif package.lacks:
            missing = " ".join(package.lacks)
            yield Finding("kdray", f"{package.name} lacks {missing}", f"pip install {missing}", broken=True)


def _torch(checkup: Checkup) -> Iterator[Finding]:
    if checkup.accelerators.error:
        yield Finding(
            "everything that trains or decodes",
            f"torch cannot be imported: {checkup.accelerators.error}",
            "pip install --force-reinstall torch",
            broken=True,
        )


def _accelerator(checkup: Checkup) -> Iterator[Finding]:
    devices = checkup.accelerators
    if devices.names or devices.error:
        return
    what = "resources.gpus_per_worker above 0"
    if not devices.drivers:
        yield Finding(what, "no accelerator here", "leave it at 0, or launch --on ray, slurm or kuberay")
    elif devices.built_for == "cpu":
        kind = " and ".join(devices.drivers)
        yield Finding(
            what,
            f"{kind} is here, torch {devices.torch} is built for the CPU alone",
            "install torch's build for it, as pytorch.org/get-started says",
        )
    else:
        why = f"torch {devices.torch} ({devices.built_for}) finds no device"
        yield Finding(what, why, "see what nvidia-smi or rocm-smi says: a driver as new as torch wants")


def _memory(checkup: Checkup) -> Iterator[Finding]:
    usable = checkup.memory.usable_bytes
    if usable < DEMO_BYTES:
        yield Finding(
            "kdray demo, beside anything else",
            f"{gigabytes(usable)} may be used here, and it takes up to {gigabytes(DEMO_BYTES)}",
            "raise the container's or job's limit; in your own sweeps lower resources.max_concurrent",
        )
    shared = checkup.shared_memory
    if shared is not None and shared.free_bytes < OBJECT_STORE_BYTES:
        yield Finding(
            "Ray's object store in memory",
            f"{shared.folder} has {gigabytes(shared.free_bytes)} free, it takes {gigabytes(OBJECT_STORE_BYTES)}",
            "docker run --shm-size=256m (without, Ray takes its temporary folder, which is slower)",
        )


def _disks(checkup: Checkup) -> Iterator[Finding]:
    here, temporary = checkup.here, checkup.temporary
    if not here.writable:
        yield Finding(
            f"running anything in {here.folder}", "no file can be made there", "cd to a folder of yours"
        )
    elif here.free_bytes < ROOM_BYTES:
        yield Finding(
            f"a sweep in {here.folder}",
            f"{gigabytes(here.free_bytes)} free",
            "make room, or set storage in the sweep file",
        )
    if temporary is None or not temporary.writable:
        where = "the temporary folder" if temporary is None else temporary.folder
        yield Finding(
            "Ray", f"no file can be made in {where}", "export TMPDIR=/a/folder/of/yours", broken=True
        )
        return
    if len(os.fsencode(temporary.folder.rstrip("/") + SOCKET)) > SOCKET_BYTES:
        most = SOCKET_BYTES - len(SOCKET)
        yield Finding(
            "Ray",
            f"{temporary.folder} is longer than {most} bytes, and Ray's sockets lie below it",
            "export RAY_TMPDIR=/tmp",
            broken=True,
        )
    if temporary.free_bytes < max(ROOM_BYTES, (1 - FULL) * temporary.total_bytes):
        yield Finding(
            "captures and sweeps of any size",
            f"{temporary.folder} has {gigabytes(temporary.free_bytes)} free of"
            f" {gigabytes(temporary.total_bytes)}, and Ray stores nothing on a disk that is {FULL:.0%} full",
            "make room there, or export RAY_TMPDIR to another disk",
        )


def _settings(checkup: Checkup) -> Iterator[Finding]:
    checks: tuple[Callable[[], float], ...] = (limit_bytes, patience_s)
    for check in checks:
        try:
            check()
        except KdrayError as error:
            name = str(error).partition("=")[0]
            yield Finding("URIs", str(error), f"unset {name}")
    if checkup.offline:
        yield Finding(
            "teachers by the name of a hub",
            f"{checkup.offline} is set: only what is cached",
            f"unset {checkup.offline}",
        )


def _parts(checkup: Checkup) -> Iterator[Finding]:
    if checkup.compilers["c++"] is None:
        yield Finding(
            "DeepSpeed's own kernels (zero_optimization with offload_optimizer)",
            "no C++ compiler; nothing else needs one",
            "apt-get install g++, or the like",
        )
    for command, place in (("sbatch", "slurm"), ("kubectl", "kuberay")):
        if not checkup.commands[command]:
            why = f"no {command} here"
            yield Finding(
                f"kdray launch --on {place}", why, "run it where that is; --dry-run prints what to submit"
            )


def gigabytes(count: float) -> str:
    """Bytes in words."""
    return f"{count / 1e9:,.1f} GB"
