"""A sweep from its file to its front, and its summary as plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kdray.config import Choice, Range, Sweep
from kdray.console import say, stage
from kdray.launch.prepare import Prepared, prepare
from kdray.launch.watch import watching
from kdray.results import TrialRecord
from kdray.storage import is_uri, join

FOLDERS = ("corpus", "shards", "suite")
"""Settings of a trial that are folders."""


@dataclass
class Launched:
    """A sweep that ran.

    Attributes:
        sweep: what was asked for.
        folder: the experiment folder.
        prepared: manifests of signal and suite.
        records: every trial.
        seconds: wall time by stage.
    """

    sweep: Sweep
    folder: str
    prepared: Prepared
    records: list[TrialRecord]
    seconds: dict[str, float] = field(default_factory=dict)


def absolute(sweep: Sweep) -> Sweep:
    """The sweep with local folders made absolute: workers do not run where the command was typed."""
    trial = sweep.trial.model_copy(update={name: _path(getattr(sweep.trial, name)) for name in FOLDERS})
    if trial.teacher and Path(trial.teacher).exists():  # else the name of a model on a hub
        trial = trial.model_copy(update={"teacher": _path(trial.teacher)})
    stores = {_path(folder): store for folder, store in sweep.capture.stores.items()}
    start = tuple({name: _located(name, value) for name, value in p.items()} for p in sweep.search.start)
    changed = {
        "trial": trial,
        "storage": _path(sweep.storage),
        "capture": sweep.capture.model_copy(update={"stores": stores}),
        "space": {name: _spec(name, spec) for name, spec in sweep.space.items()},
        "search": sweep.search.model_copy(update={"start": start}),
    }
    return sweep.model_copy(update=changed)


def _path(value: str | None) -> str | None:
    return value if value is None or is_uri(value) else str(Path(value).absolute())


def _located(name: str, value: Any) -> Any:
    """A setting's value, or several of them, absolute where they are folders."""
    if name not in FOLDERS:
        return value
    return [_path(one) for one in value] if isinstance(value, list) else _path(value)


def _spec(name: str, spec: Choice | Range) -> Choice | Range:
    when = {other: _located(other, allowed) for other, allowed in spec.when.items()}
    if not isinstance(spec, Choice):
        return spec.model_copy(update={"when": when})
    choices = tuple(_located(name, value) for value in spec.choices)
    return spec.model_copy(update={"choices": choices, "when": when})


def launch(
    sweep: Sweep,
    *,
    resume: bool,
    fork: str | None = None,
    address: str | None = None,
    seconds: dict[str, float] | None = None,
    after_prepare: Callable[[Sweep, str], None] = lambda sweep, folder: None,
) -> Launched:
    """Prepares, searches, returns everything. Progress goes to stderr. Raises `KdrayError`.

    Args:
        sweep: what to run.
        resume: whether an experiment of that name is gone on with; without it, it is refused.
        fork: the folder of an older sweep whose trials this one knows from the start.
        address: of a Ray that runs already; None starts one in this process.
        seconds: where the stages' wall times are recorded.
        after_prepare: called with the sweep and its folder between capture and search.
    """
    from kdray.search import session
    from kdray.search.drivers import alone_at
    from kdray.search.runner import run

    seconds = {} if seconds is None else seconds
    sweep = absolute(sweep)
    timed = partial(stage, seconds=seconds)
    folder = join(sweep.storage, sweep.name)
    with alone_at("capture", folder, sweep.resources.drivers, say):
        prepared = prepare(sweep, timed, session.opened(sweep.resources, address))
    signal = prepared.signal
    say(
        f"signal    {signal.rows:,} rows, {signal.tokens:,} target tokens, "
        f"{signal.signal_bytes / signal.tokens:.1f} bytes a token ({signal.codec_name})"
    )
    say(f"suite     {prepared.suite.rows:,} inputs")
    after_prepare(sweep, folder)
    with watching(sweep, folder, seconds) as on_event:
        records = run(
            sweep,
            folder,
            resume=resume,
            fork=fork,
            address=address,
            on_event=on_event,
            trial_context=prepared.context,
        )
    return Launched(sweep, folder, prepared, records, seconds)
