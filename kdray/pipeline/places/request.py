"""What is asked of a place, and whether the sweep can run away from the folder it was typed in."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kdray.config import Sweep, load_sweep
from kdray.errors import ConfigError
from kdray.storage import is_uri

IMAGE = "kdray:latest"


@dataclass(frozen=True)
class Request:
    """A sweep that is to run in a place.

    Attributes:
        sweep: as read.
        path: the sweep file, as typed.
        text: what stands in it; this is what travels.
        folder: where the sweep's relative folders begin there; None allows no relative ones.
        address: of a running Ray cluster's job server; None where the place starts its own Ray.
        image: a container image that has kdray, where the place starts containers.
        overrides: texts `a.b=c` over the file.
        allow_env: variables of the environment there that the sweep may name.
    """

    sweep: Sweep
    path: str
    text: str
    folder: str | None = None
    address: str | None = None
    image: str = IMAGE
    overrides: tuple[str, ...] = ()
    allow_env: tuple[str, ...] = ()

    @property
    def nodes(self) -> int:
        """Machines that train."""
        return self.sweep.resources.nodes

    @property
    def cpus_per_node(self) -> int:
        """Processor cores that the trials of one machine take."""
        resources = self.sweep.resources
        return self._per_node(resources.cpus_per_worker)

    @property
    def gpus_per_node(self) -> int:
        """Accelerators that the trials of one machine take."""
        return self._per_node(self.sweep.resources.gpus_per_worker)

    def _per_node(self, per_worker: float) -> int:
        resources = self.sweep.resources
        return math.ceil(resources.max_concurrent * resources.workers * per_worker / resources.nodes)

    def launch(self, sweep_file: str) -> str:
        """The shell command that runs beside the place's Ray. `sweep_file` is quoted already."""
        changed = "".join(f" --set {shlex.quote(text)}" for text in self.overrides)
        changed += "".join(f" --allow-env {shlex.quote(name)}" for name in self.allow_env)
        return f"kdray launch {sweep_file}{changed} --resume --address auto"

    def entrypoint(self, sweep_file: str) -> str:
        """`launch` where the sweep's relative folders begin."""
        begin = f"cd {shlex.quote(self.folder)} && " if self.folder else ""
        return begin + self.launch(sweep_file)


@dataclass(frozen=True)
class Submitted:
    """What became of a submission.

    Attributes:
        jobs: what the place calls what was handed over, or runs there already.
        exit_code: of the job where it was followed to its end, else 0.
    """

    jobs: tuple[str, ...]
    exit_code: int = 0


def request(
    path: str,
    *,
    folder: str | None = None,
    address: str | None = None,
    image: str | None = None,
    overrides: Sequence[str] = (),
    allow_env: Sequence[str] = (),
) -> Request:
    """Reads a sweep file for a place. Raises `ConfigError`."""
    sweep = load_sweep(path, overrides)
    if folder is not None and not Path(folder).is_absolute():
        raise ConfigError(f"--folder {folder}: must be absolute")
    text = Path(path).read_text(encoding="utf-8")
    return Request(sweep, path, text, folder, address, image or IMAGE, tuple(overrides), tuple(allow_env))


def check_folders(request: Request, where: str) -> None:
    """Refuses relative folders where a job does not run in the folder it was submitted from.

    Raises:
        ConfigError: with the field.
    """
    if request.folder:
        return
    sweep = request.sweep
    trial = sweep.trial
    fields = {
        "storage": sweep.storage, "trial.corpus": trial.corpus, "trial.shards": trial.shards,
        "trial.suite": trial.suite, "trial.test_suite": trial.test_suite,
    }  # fmt: skip
    for field, value in fields.items():
        if value and not is_uri(value) and not Path(value).is_absolute():
            raise ConfigError(
                f"{field}: '{value}' means another folder on {where}: say --folder, or give an "
                "absolute path that every machine sees"
            )
