"""System calls that a confined child is refused: by them it would reach, or leave, what no mount and no namespace
of its room holds.

Namespaces of its own would give it capabilities, and with them memory without a limit (a file system in memory).
Shared memory, semaphores and queues of System V and POSIX, and keys, outlive a process, and the next run in the
room would find them. Sockets that lie as files lead out, to a desktop's or a container's services, and those of a
virtual machine to its host; `io_uring` opens them by another way. Files without a name and maps of `bpf` lie in
memory that no limit counts. What stays are sockets of the network, where there is none, and pairs.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Any, NamedTuple

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""Of a filter's language, linux/bpf_common.h."""
NUMBER_AT, MACHINE_AT, ARGUMENT_AT = 0, 4, 16
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
"""Of linux/seccomp.h: places in what a filter sees, where the first argument begins, and what it answers."""
NEW_NAMESPACES = 0x7E020000
FAMILIES = (2, 10)
"""Of sockets: the internet's."""
FIRST_X32 = 0x40000000
"""Numbers from here on are the same calls for programs of another kind, on x86 alone."""


class Machine(NamedTuple):
    """Numbers of a kind of processor (linux/audit.h, asm/unistd.h)."""

    name: int
    clone: int
    clone3: int
    socket: int
    refused: tuple[int, ...]
    """unshare, setns, shmget, semget, msgget, mq_open, add_key, request_key, keyctl, io_uring_setup,
    memfd_create, memfd_secret, bpf"""


MACHINES = {
    "x86_64": Machine(
        0xC000003E, 56, 435, 41, (272, 308, 29, 64, 68, 240, 248, 249, 250, 425, 319, 447, 321)
    ),
    "aarch64": Machine(
        0xC00000B7, 220, 435, 198, (97, 268, 194, 190, 186, 180, 217, 218, 219, 425, 279, 447, 280)
    ),
}  # fmt: skip


def refuse_calls(libc: Any) -> None:
    """From now on, for this process and its children; nothing where the processor's numbers are not known.

    Raises:
        OSError: the system takes no filter.
    """
    machine = MACHINES.get(os.uname().machine)
    if machine is None:
        return
    steps = b"".join(struct.pack("=HBBI", *step) for step in _filter(machine))
    held = ctypes.create_string_buffer(steps, len(steps))
    program = struct.pack("@HP", len(steps) // 8, ctypes.addressof(held))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _filter(machine: Machine) -> list[tuple[int, int, int, int]]:
    """Steps: what is done, how many are skipped if it holds, how many if not, and its number."""
    no = (RETURN, 0, 0, REFUSE | errno.EPERM)
    yes = (RETURN, 0, 0, ALLOW)
    steps = [
        (LOAD, 0, 0, MACHINE_AT), (EQUAL, 1, 0, machine.name), no,
        (LOAD, 0, 0, NUMBER_AT), (AT_LEAST, 0, 1, FIRST_X32), no,
        # What it would be asked for lies in memory, which no filter sees; the library uses `clone` instead.
        (EQUAL, 0, 1, machine.clone3), (RETURN, 0, 0, REFUSE | errno.ENOSYS),
    ]  # fmt: skip
    for number in machine.refused:
        steps += [(EQUAL, 0, 1, number), no]
    steps += [
        (EQUAL, 0, 4, machine.clone), (LOAD, 0, 0, ARGUMENT_AT), (ANY_BIT, 0, 1, NEW_NAMESPACES), no, yes,
        (EQUAL, 0, 5, machine.socket), (LOAD, 0, 0, ARGUMENT_AT),
        *((EQUAL, len(FAMILIES) - at, 0, family) for at, family in enumerate(FAMILIES)),
        (RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT), yes,
    ]  # fmt: skip
    return [*steps, yes]
