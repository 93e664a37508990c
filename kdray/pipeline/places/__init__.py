"""Where a sweep can run other than in this process: one face, three places.

    request --render--> what would be submitted (`--dry-run` prints it) --submit--> the place runs
    `kdray launch SWEEP --resume --address auto` next to its Ray

A place never trains: it hands over a sweep file. So a job that is started again for whatever reason goes on
where the experiment folder stands.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol

from kdray.pipeline.places.request import Request, Submitted

NAMES = ("ray", "slurm", "kuberay")
"""The places beside `local`."""


class Place(Protocol):
    """What a module of this package offers."""

    render: Callable[[Request], str]
    """The text of a submission. The same request gives the same text."""
    submit: Callable[[Request, str], Submitted]
    """Hands a rendered text over, with progress on stderr. Raises `KdrayError`."""


def place(name: str) -> Place:
    """The place of that name. Raises `ConfigError` with the nearest."""
    from kdray.errors import ConfigError, nearest

    if name not in NAMES:
        raise ConfigError(f"--on {name}: no such place{nearest(name, ('local', *NAMES))}")
    module: Place = importlib.import_module(f"kdray.pipeline.places.{name}")
    return module
