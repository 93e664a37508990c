"""What the control groups of Linux leave to this process: its own and all above, version 2 and 1.

A container or a job has less than its machine, and nothing else tells: `os.cpu_count` and /proc/meminfo are of the
machine. Inside a container the own group is usually the root of what is to be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GROUPS, PROC = Path("/sys/fs/cgroup"), Path("/proc")


@dataclass(frozen=True)
class Limit:
    """Bytes of memory that a group may use, and uses; cache that it can let go is not counted."""

    limit_bytes: int
    used_bytes: int


def cpu_quotas(groups: Path = GROUPS, proc: Path = PROC) -> Iterator[float]:
    """Cores that each group with a quota may use."""
    for group in _own(groups, proc, "cpu"):
        words = _words(group / "cpu.max") or [
            *_words(group / "cpu.cfs_quota_us"),
            *_words(group / "cpu.cfs_period_us"),
        ]
        if len(words) == 2 and all(word.isdigit() for word in words):  # `max` and -1 are no quota
            yield int(words[0]) / int(words[1])


def memory_limits(groups: Path = GROUPS, proc: Path = PROC) -> Iterator[Limit]:
    """The limit of each group that has one; in version 1 a group without has a number beyond any memory."""
    for group in _own(groups, proc, "memory"):
        limit = _words(group / "memory.max") or _words(group / "memory.limit_in_bytes")
        used = _words(group / "memory.current") or _words(group / "memory.usage_in_bytes")
        if limit and used and limit[0].isdigit():
            cache = _stat(group / "memory.stat")
            yield Limit(int(limit[0]), max(0, int(used[0]) - cache))


def available_bytes(proc: Path = PROC) -> int | None:
    """Memory of the machine that is free or can be freed; None where nothing says it."""
    for line in _lines(proc / "meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _own(groups: Path, proc: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's groups and of all above, where a controller's files may be."""
    for line in _lines(proc / "self" / "cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = groups / controller if controllers else groups
        inner = [part for part in path.split("/") if part not in ("", "..")]
        for depth in range(len(inner), -1, -1):
            yield root.joinpath(*inner[:depth])


def _stat(path: Path) -> int:
    """Bytes of cache that nobody has used for a while."""
    counts = dict(line.split() for line in _lines(path))
    return int(counts.get("total_inactive_file", counts.get("inactive_file", 0)))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()
