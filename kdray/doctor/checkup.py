"""Everything that is looked at, once, as plain data."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kdray import __version__
from kdray.doctor.hardware import (
    Accelerators,
    Disk,
    Memory,
    accelerators,
    compilers,
    cores,
    disk,
    memory,
    system,
)
from kdray.doctor.versions import Extra, Package, extras, needed

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - looked at, not written
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
COMMANDS = ("sbatch", "kubectl")


@dataclass(frozen=True)
class Checkup:
    """What is here.

    Attributes:
        kdray: the version of what runs.
        python: of what runs it.
        system: operating system and processor.
        packages: those that kdray needs; none where its distribution is not installed.
        extras: the optional parts.
        cores: that this process may use.
        memory: in bytes.
        shared_memory: /dev/shm, None where there is none.
        here: the working folder's disk.
        temporary: the disk of Ray's sessions and of exports.
        accelerators: what torch finds.
        compilers: name -> path.
        commands: of the places that sweeps are handed to: name -> whether it is here.
        offline: the variable that keeps transformers from its hub, "" for none.
    """

    kdray: str
    python: str
    system: str
    packages: tuple[Package, ...]
    extras: tuple[Extra, ...]
    cores: float
    memory: Memory
    shared_memory: Disk | None
    here: Disk
    temporary: Disk | None
    accelerators: Accelerators
    compilers: dict[str, str | None]
    commands: dict[str, bool]
    offline: str


def check_up() -> Checkup:
    """Looks at this machine, from this folder."""
    here = disk(str(Path.cwd()))
    assert here is not None  # noqa: S101 - one stands in it
    return Checkup(
        kdray=__version__,
        python=platform.python_version(),
        system=system(),
        packages=tuple(needed()),
        extras=tuple(extras()),
        cores=cores(),
        memory=memory(),
        shared_memory=disk(SHARED_MEMORY),
        here=here,
        temporary=disk(temporary_folder()),
        accelerators=accelerators(),
        compilers=compilers(),
        commands={name: shutil.which(name) is not None for name in COMMANDS},
        offline=next(
            (name for name in OFFLINE if os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")), ""
        ),
    )


def temporary_folder() -> str:
    """Where Ray makes its sessions: `$RAY_TMPDIR`, else what Python takes."""
    try:
        return os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    except FileNotFoundError:  # no folder where Python could write
        return "/tmp"  # noqa: S108 - looked at, not written
