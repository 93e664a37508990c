"""A checkup and what was found, for a person and as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from kdray.doctor.checkup import Checkup
from kdray.doctor.findings import Finding, gigabytes
from kdray.doctor.hardware import Disk
from kdray.doctor.versions import Extra


def as_data(checkup: Checkup, wrong: Sequence[Finding]) -> dict[str, Any]:
    """Machine-readable."""
    packages = [asdict(package) | {"fine": package.fine} for package in checkup.packages]
    extras = [asdict(extra) | {"installed": not extra.missing} for extra in checkup.extras]
    return {
        "fine": not any(finding.broken for finding in wrong),
        **asdict(checkup),
        "packages": packages,
        "extras": extras,
        "findings": [asdict(finding) for finding in wrong],
    }


def to_text(checkup: Checkup, wrong: Sequence[Finding]) -> str:
    """Lines of text: versions, machine, extras, what is wrong, and the verdict last."""
    broken = [finding for finding in wrong if finding.broken]
    parts = [
        f"kdray {checkup.kdray}   Python {checkup.python}   {checkup.system}",
        _columns(
            (package.name, package.installed or "-", package.declared, "" if package.fine else "!")
            for package in checkup.packages
        ),
        _columns(_machine(checkup)),
        _columns(map(_extra, checkup.extras)),
        "\n".join(map(_shown, wrong)),
        f"{len(broken)} of the above must be mended" if broken else "kdray can run here",
    ]
    return "\n\n".join(part for part in parts if part)


def _machine(checkup: Checkup) -> Iterable[tuple[str, str]]:
    memory, devices = checkup.memory, checkup.accelerators
    limited = (
        ""
        if memory.usable_bytes == memory.machine_bytes
        else f" of the machine's {gigabytes(memory.machine_bytes)}"
    )
    yield "cores", f"{checkup.cores:g}"
    yield "memory", f"{gigabytes(memory.usable_bytes)}{limited}, {gigabytes(memory.free_bytes)} free"
    for disk in dict.fromkeys((checkup.shared_memory, checkup.here, checkup.temporary)):
        if disk is not None:
            yield disk.folder, _room(disk)
    yield (
        "accelerators",
        ", ".join(devices.names) or f"none (torch is built for {devices.built_for or 'nothing here'})",
    )
    yield "compilers", ", ".join(f"{name} {path or '-'}" for name, path in checkup.compilers.items())


def _extra(extra: Extra) -> tuple[str, ...]:
    if not extra.missing:
        return f"[{extra.name}]", extra.adds, "installed"
    return f"[{extra.name}]", extra.adds, f"pip install '{extra.wanted}'"


def _room(disk: Disk) -> str:
    words = "" if disk.writable else ", not to be written"
    return f"{gigabytes(disk.free_bytes)} free of {gigabytes(disk.total_bytes)}{words}"


def _shown(finding: Finding) -> str:
    verdict = "BROKEN" if finding.broken else "not here"
    return f"{verdict}  {finding.what}: {finding.why}\n          mend: {finding.mend}"


def _columns(rows: Iterable[Sequence[str]]) -> str:
    """Cells below each other."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join(line.rstrip() for line in lines)
