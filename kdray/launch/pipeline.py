"""A sweep from its file to its front, and its summary as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kdray.config import Sweep
from kdray.console import Advance, say, stage
from kdray.launch.prepare import Prepared, prepare
from kdray.results import TrialRecord
from kdray.storage import join


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
    from kdray.storage import is_uri

    def path(value: str | None) -> str | None:
        return value if value is None or is_uri(value) else str(Path(value).absolute())

    names = ("corpus", "shards", "suite")
    trial = sweep.trial.model_copy(update={name: path(getattr(sweep.trial, name)) for name in names})
    if trial.teacher and Path(trial.teacher).exists():  # else the name of a model on a hub
        trial = trial.model_copy(update={"teacher": path(trial.teacher)})
    return sweep.model_copy(update={"trial": trial, "storage": path(sweep.storage)})


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
    from kdray.search.runner import run

    seconds = {} if seconds is None else seconds
    sweep = absolute(sweep)
    timed = partial(stage, seconds=seconds)
    prepared = prepare(sweep, timed)
    signal = prepared.signal
    say(
        f"signal    {signal.rows:,} rows, {signal.tokens:,} target tokens, "
        f"{signal.signal_bytes / signal.tokens:.1f} bytes a token ({signal.codec_name})"
    )
    say(f"suite     {prepared.suite.rows:,} inputs")
    folder = join(sweep.storage, sweep.name)
    after_prepare(sweep, folder)
    with timed("sweep") as advance:
        records = run(
            sweep,
            folder,
            resume=resume,
            fork=fork,
            address=address,
            on_event=partial(_watch, advance),
            trial_context=prepared.context,
        )
    return Launched(sweep, folder, prepared, records, seconds)


def _watch(advance: Advance, event: Any) -> None:
    """A line for each trial that ends, the bar for all."""
    advance(event.finished, event.asked)
    if event.kind in ("started", "rung"):
        return
    detail: Mapping[str, Any] = event.detail
    metrics = detail.get("metrics") or {}
    numbers = "  ".join(
        f"{name} {metrics[name]:.3f}"
        for name in ("assertion_accuracy", "metamorphic_discrepancy")
        if name in metrics
    )
    shown = "  ".join(filter(None, [numbers, detail.get("reason", "")]))
    say(f"  {event.key}  {event.kind:<9} {shown}  ({event.finished}/{event.asked})")
