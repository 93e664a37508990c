"""Whom a sweep connects to, what of the environment it may tell them, and what code it may name.

A sweep file says where its study is, where it is tracked, where its files lie: so it says where passwords go.
Those in the file are refused (`config`); those in the environment go nowhere unless the user allowed their names:
`KDRAY_*` for a sweep file that is launched, others by `--allow-env`, and for an experiment that is resumed each of
them, for its file may be somebody else's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from urllib.parse import parse_qs, urlsplit

from kdray.config import OWN_VARIABLES, Sweep
from kdray.errors import ConfigError
from kdray.storage import is_uri

_SENT_TO_MLFLOW = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
_SENT_TO_ENDPOINTS = ("AWS_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY")
"""What is sent, or signs what is sent."""


def hosts(sweep: Sweep) -> dict[str, str]:
    """Field -> host, of all that the sweep itself names."""
    return {field: host for field, host, _ in _connections(sweep)}


def check_told(sweep: Sweep, allow_env: Sequence[str]) -> None:
    """Refuses to send credentials of the environment to a host that the file of an experiment names.

    Raises:
        ConfigError: with the option that allows it.
    """
    if set(OWN_VARIABLES) <= set(allow_env):  # the user's own file; `study_storage` sees to its variables
        return
    for field, host, names in _connections(sweep):
        for name in names:
            if name in os.environ and not any(fnmatchcase(name, pattern) for pattern in allow_env):
                raise ConfigError(
                    f"{field}: the experiment would use {name} of your environment with '{host}': if it may, say "
                    f"--allow-env {name}"
                )


def check_code(sweep: Sweep, allowed: str | None) -> None:
    """Refuses to import what the file of an experiment names as its sampler, unless the user allowed that name.

    Raises:
        ConfigError: with the option that allows it.
    """
    sampler = sweep.search.sampler
    if ":" in sampler and sampler != allowed:
        raise ConfigError(
            f"search.sampler: the experiment would import '{sampler}', which is code: if it may, say "
            f"--allow-sampler {sampler}"
        )


def _connections(sweep: Sweep) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Field, host, and the variables whose values go there by themselves."""
    if sweep.search.storage and (host := urlsplit(sweep.search.storage).hostname):
        yield "search.storage", host, ()
    if sweep.tracking.mlflow and is_uri(sweep.tracking.mlflow):
        yield "tracking.mlflow", urlsplit(sweep.tracking.mlflow).hostname or "", _SENT_TO_MLFLOW
    trial = sweep.trial
    folders = {
        "storage": sweep.storage,
        "trial.corpus": trial.corpus,
        "trial.shards": trial.shards,
        "trial.suite": trial.suite,
        "trial.teacher": trial.teacher,
        **{f"capture.stores.{name}": name for name in sweep.capture.stores},
    }
    for field, folder in folders.items():
        if folder and is_uri(folder):
            for endpoint in parse_qs(urlsplit(folder).query).get("endpoint_override", []):
                yield field, endpoint, _SENT_TO_ENDPOINTS
