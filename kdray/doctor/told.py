"""A checkup and what was found, for a person and as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from kdray.doctor.checkup import Checkup
from kdray.doctor.findings import Finding, gigabytes
from kdray.doctor.hardware import Disk
from kdray.doctor.versions import Extra


def as_data(found: Checkup, wrong: Sequence[Finding]) -> dict[str, Any]:
    """Machine-readable."""
    packages = [asdict(one) | {"fine": one.fine} for one in found.packages]
    extras = [asdict(one) | {"installed": not one.missing} for one in found.extras]
    return {
        "fine": not any(one.broken for one in wrong),
        **asdict(found),
        "packages": packages,
        "extras": extras,
        "findings": [asdict(one) for one in wrong],
    }


def to_text(found: Checkup, wrong: Sequence[Finding]) -> str:
    """Lines of text: versions, machine, extras, what is wrong, and the verdict last."""
    broken = [one for one in wrong if one.broken]
    parts = [
        f"kdray {found.kdray}   Python {found.python}   {found.system}",
        _columns(
            (one.name, one.installed or "-", one.declared, "" if one.fine else "!") for one in found.packages
        ),
        _columns(_machine(found)),
        _columns(map(_extra, found.extras)),
        "\n".join(map(_shown, wrong)),
        f"{len(broken)} of the above must be mended" if broken else "kdray can run here",
    ]
    return "\n\n".join(part for part in parts if part)


def _machine(found: Checkup) -> Iterable[tuple[str, str]]:
    memory, devices = found.memory, found.accelerators
    limited = (
        ""
        if memory.usable_bytes == memory.machine_bytes
        else f" of the machine's {gigabytes(memory.machine_bytes)}"
    )
    yield "cores", f"{found.cores:g}"
    yield "memory", f"{gigabytes(memory.usable_bytes)}{limited}, {gigabytes(memory.free_bytes)} free"
    for disk in dict.fromkeys((found.shared_memory, found.here, found.temporary)):
        if disk is not None:
            yield disk.folder, _room(disk)
    yield (
        "accelerators",
        ", ".join(devices.names) or f"none (torch is built for {devices.built_for or 'nothing here'})",
    )
    yield "compilers", ", ".join(f"{name} {path or '-'}" for name, path in found.compilers.items())


def _extra(one: Extra) -> tuple[str, ...]:
    if not one.missing:
        return f"[{one.name}]", one.adds, "installed"
    return f"[{one.name}]", one.adds, f"pip install '{one.wanted}'"


def _room(disk: Disk) -> str:
    words = "" if disk.writable else ", not to be written"
    return f"{gigabytes(disk.free_bytes)} free of {gigabytes(disk.total_bytes)}{words}"


def _shown(one: Finding) -> str:
    return f"{'BROKEN' if one.broken else 'not here'}  {one.what}: {one.why}\n          mend: {one.mend}"


def _columns(rows: Iterable[Sequence[str]]) -> str:
    """Cells below each other."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join(line.rstrip() for line in lines)
