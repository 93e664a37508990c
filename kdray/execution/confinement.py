"""What a child gives up before it runs anything, on Linux: namespaces, privileges, files, environment.

Every step raises `OSError` where the system refuses it; the caller decides whether to go on without.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdray.execution.refused_calls import refuse_calls

NOBODY = 65534
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER = 0x00020000, 0x08000000, 0x10000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
PR_GET_SECCOMP = 21
TERMINALS = b"/dev/pts"
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 2, 4, 0x1000, 0x4000, 0x40000, 2
CAPABILITY_VERSION_3 = 0x20080522
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
"""Numbers of linux/sched.h, prctl.h, capability.h, mount.h; the call's on every architecture, from 5.12 on."""
KEYS = (
    ".ssh", ".gnupg", ".aws", ".azure", ".config", ".docker", ".kube", ".mozilla", ".password-store", ".netrc",
    ".pgpass", ".git-credentials", ".pypirc", ".npmrc", ".bash_history", ".python_history", ".m2/settings.xml",
    ".cache/huggingface/token", ".gradle/gradle.properties",
)  # fmt: skip
"""Where in a user's home keys lie by custom: nothing is read there."""
OPEN_FILES, FILES = 2**10, 2**14
"""At a time, and in the folder of a run: each takes memory of the system that no other limit counts."""


@dataclass(frozen=True)
class Limits:
    """What one run may use.

    Attributes:
        wall_seconds: until it is killed.
        cpu_seconds: of one process.
        memory_bytes: of address space, beyond what the calling process has already.
        processes: at a time, threads included.
        file_bytes: of one file, and of all files together.
        output_bytes: on standard output and error together.
    """

    wall_seconds: float = 10.0
    cpu_seconds: int = 10
    memory_bytes: int = 2**30
    processes: int = 32
    file_bytes: int = 2**26
    output_bytes: int = 2**16


def die_with_parent() -> None:
    """The kernel kills this process when the one that forked it ends."""
    _checked(_libc().prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0))


def die_first() -> None:
    """Where memory runs out, the kernel ends this process and its children, not others of the machine."""
    Path("/proc/self/oom_score_adj").write_text("1000")


def leave_root() -> None:
    """Root becomes `nobody`: root's processes are not counted, so that no limit of their number would hold."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        _checked(_libc().prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))  # else /proc/self belongs to root


def isolate() -> None:
    """Into namespaces of its own, where nothing can be written; children are in a new one for processes."""
    libc = _libc()
    user, group = os.geteuid(), os.getegid()
    _checked(min(0, libc.prctl(PR_GET_SECCOMP, 0, 0, 0, 0)))  # else no call could be refused
    _checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    if os.path.isdir(TERMINALS):
        _hide_terminals(libc)
    _hide_keys(libc)
    read_only = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    _checked(
        libc.syscall(
            ctypes.c_long(MOUNT_SETATTR),
            ctypes.c_long(AT_FDCWD),
            b"/",
            ctypes.c_long(AT_RECURSIVE),
            read_only,
            ctypes.c_long(ctypes.sizeof(read_only)),
        )
    )


def _hide_terminals(libc: Any) -> None:
    """Those of its own, or none, in place of the user's, which it could write to and read."""
    own = libc.mount(b"devpts", TERMINALS, b"devpts", MS_NOSUID, b"newinstance,ptmxmode=0666")
    if own != 0:
        _checked(libc.mount(b"tmpfs", TERMINALS, b"tmpfs", MS_NOSUID, b"size=4k"))


def _hide_keys(libc: Any) -> None:
    """Nothing in place of each file and folder of the user's that holds keys."""
    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return
    for path in (os.path.join(home, name).encode() for name in KEYS):
        if os.path.isdir(path):
            _checked(libc.mount(b"tmpfs", path, b"tmpfs", MS_NOSUID | MS_NODEV, b"size=4k"))
        elif os.path.exists(path):
            _checked(libc.mount(b"/dev/null", path, None, MS_BIND, None))


def empty(home: str, limits: Limits) -> None:
    """Lays an empty folder in memory over this one, in place of the one that lay there: the only one that can be
    written to.
    """
    libc = _libc()
    os.chdir("/")
    libc.umount2(home.encode(), MNT_DETACH)  # refused the first time: nothing lies there yet
    size = f"size={limits.file_bytes},nr_inodes={FILES},mode=700".encode()
    _checked(libc.mount(b"tmpfs", home.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, size))


def limit(limits: Limits) -> None:
    """Limits of this process and its children, which none of them can raise again, and no capability left: with
    those of its own namespace it could make the mounts writable.
    """
    header, none = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    _checked(_libc().capset(header, none))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + limits.memory_bytes
    for what, most in (
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    _checked(_libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    refuse_calls(_libc())


def clean(home: str) -> None:
    """An environment that tells nothing, and `home` as the working folder, and the one for what is temporary."""
    os.chdir(home)
    os.environ.clear()
    os.environ.update(HOME=home, TMPDIR=home, PATH="/usr/bin:/bin", LANG="C.UTF-8")
    tempfile.tempdir = None  # where it was before, nothing can be written


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
