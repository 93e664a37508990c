"""Installed packages beside what the distribution declares, from metadata alone: nothing is imported.

Whether a package that is there can also be imported is not looked at, but for torch (`hardware.accelerators`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packaging.requirements import Requirement

DISTRIBUTION = "kdray"
EXTRAS = {
    "png": "kdray pareto --png",
    "onnx": "kdray export --onnx and --int8",
    "mlflow": "tracking: {mlflow: ...} in a sweep file",
    "wandb": "tracking: {wandb: ...} in a sweep file",
    "cluster": "kdray launch --on ray",
    "techniques": "search: {sampler: avatar} and {sampler: morph}",
    "postgresql": "search: {storage: postgresql+pg8000://...}, for several drivers",
    "lora": "lora: {rank: 8}, of kdray teacher train and of a checkpoint student",
    "adam8bit": "optim: {optimizer: adamw_8bit}",
    "parallel": "capture: {parallel: {gpus: 2}}: a teacher on several GPUs",
    "quantised": "teachers in 4 or 8 bits of bitsandbytes",
    "gguf": "kdray export --gguf, kdray teacher convert MODEL.gguf",
    "llama-cpp": "kdray export --gguf, asked by llama.cpp itself",
    "s3": "storage: s3://..., written on conditions",
    "dashboard": "optuna-dashboard runs/NAME/study.journal",
}
"""Extra -> what it adds for a user; `test` is for those who change kdray."""


@dataclass(frozen=True)
class Package:
    """A declared package.

    Attributes:
        name: of its distribution.
        declared: the range, such as `>=2.6,<2.14`.
        installed: the version, None where it is missing.
        within: whether it is there and in the range.
        lacks: packages that an extra of it (`ray[tune]`) asks for and that are missing.
    """

    name: str
    declared: str
    installed: str | None
    within: bool
    lacks: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Whether nothing is to be done."""
        return self.within and not self.lacks

    @property
    def wanted(self) -> str:
        """What pip is asked for."""
        return f"{self.name}{self.declared}"


@dataclass(frozen=True)
class Extra:
    """An optional part: what it adds, and which of its packages are not there, or not in their range."""

    name: str
    adds: str
    missing: tuple[str, ...]

    @property
    def wanted(self) -> str:
        """What pip is asked for."""
        return f"{DISTRIBUTION}[{self.name}]"


def needed() -> list[Package]:
    """The packages that kdray cannot do without; none where its own distribution is not installed."""
    return [package(asked) for asked in _requirements(DISTRIBUTION, "")]


def extras() -> list[Extra]:
    """The optional parts, in the order of `EXTRAS`; none where the distribution is not installed."""
    if version_of(DISTRIBUTION) is None:
        return []
    return [
        Extra(
            name,
            adds,
            tuple(part.name for part in map(package, _requirements(DISTRIBUTION, name)) if not part.fine),
        )
        for name, adds in EXTRAS.items()
    ]


def version_of(name: str) -> str | None:
    """The installed version of a distribution, None where it is missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def package(asked: Requirement) -> Package:
    """What is installed of a requirement."""
    installed = version_of(asked.name)
    within = installed is not None and asked.specifier.contains(installed, prereleases=True)
    lacks = {
        other.name
        for extra in asked.extras
        for other in _requirements(asked.name, extra)
        if version_of(other.name) is None
    }
    declared = ",".join(sorted(map(str, asked.specifier), key=lambda part: part[0] == "<"))
    return Package(asked.name, declared, installed, within, tuple(sorted(lacks)))


def _requirements(distribution: str, extra: str) -> Iterator[Requirement]:
    """What a distribution declares for an extra alone, or, for "", without any."""
    from packaging.requirements import Requirement

    if version_of(distribution) is None:
        return
    for line in metadata.requires(distribution) or ():
        requirement = Requirement(line)
        here: dict[str, Any] = {"extra": extra}
        only_here = not extra or (
            requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})
        )
        if only_here and (requirement.marker is None or requirement.marker.evaluate(here)):
            yield requirement
