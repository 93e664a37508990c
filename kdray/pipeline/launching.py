"""A sweep from its file to its front, and its summary as plain data."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from kdray import __version__
from kdray.config import OWN_VARIABLES, Confirm, Sweep, as_data, parse
from kdray.console import printable, say, stage
from kdray.log_file import NAME, keeping
from kdray.pipeline.beforehand import check
from kdray.pipeline.consent import check_told, hosts
from kdray.pipeline.folders import absolute
from kdray.pipeline.prepare import Prepared, prepare
from kdray.pipeline.watch import watching
from kdray.process_memory import collect
from kdray.report.confirmed import budget
from kdray.results import TrialRecord, read_sweep
from kdray.storage import exists, join


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


def launch(
    sweep: Sweep,
    *,
    resume: bool,
    fork: str | None = None,
    address: str | None = None,
    confirm: bool | None = None,
    seconds: dict[str, float] | None = None,
    after_prepare: Callable[[Sweep, str], None] = lambda sweep, folder: None,
    allow_env: Sequence[str] = OWN_VARIABLES,
) -> Launched:
    """Prepares, searches, returns everything. Progress goes to stderr. Raises `KdrayError`.

    Args:
        sweep: what to run.
        resume: whether an experiment of that name is gone on with; without it, it is refused.
        fork: the folder of an older sweep whose trials this one knows from the start.
        address: of a Ray that runs already; None starts one in this process.
        confirm: turns `search.confirm` on or off; None leaves it as the experiment was begun, whatever the file
            says now, and for a new one as the file says.
        seconds: where the stages' wall times are recorded.
        after_prepare: called with the sweep and its folder between capture and search.
        allow_env: variables of the environment that may be told to the hosts that the sweep names, as patterns.
    """
    from kdray.experiment.drivers import alone_at
    from kdray.workers import ray_session
    from kdray.workers.runner import run

    seconds = {} if seconds is None else seconds
    sweep = _confirming(absolute(sweep), resume, confirm)
    if confirming := budget(sweep):
        say(f"trials    {sweep.search.trials}, {confirming}")
    check_told(sweep, allow_env)
    if not resume:  # then some of it ran already
        check(sweep)
    for field_name, host in hosts(sweep).items():
        say(f"connects  to {printable(host)} ({field_name})")
    timed = partial(stage, seconds=seconds)
    folder = join(sweep.storage, sweep.name)
    with ExitStack() as held:
        held.enter_context(keeping(join(folder, NAME))).write(
            f"kdray {__version__}: process {os.getpid()} of {socket.gethostname()}"
        )
        with alone_at("capture", folder, sweep.resources.drivers, say):
            session = ray_session.opened(sweep.resources, address)
            # One of its own that the capture started serves the search too.
            prepared = prepare(sweep, timed, _until_closed(session, held) if address is None else session)
        _say_what_there_is(prepared)
        after_prepare(sweep, folder)
        collect()  # the teacher, the corpus: trials run beside this process
        with watching(sweep, folder, seconds) as on_event:
            records = run(
                sweep,
                folder,
                resume=resume,
                fork=fork,
                address=address,
                on_event=on_event,
                trial_context=prepared.context,
                allow_env=allow_env,
            )
    return Launched(sweep, folder, prepared, records, seconds)


@contextmanager
def _until_closed(session: AbstractContextManager[None], held: ExitStack) -> Iterator[None]:
    """Enters a session that is left with what holds it."""
    held.enter_context(session)
    yield


def _say_what_there_is(prepared: Prepared) -> None:
    signal = prepared.signal
    say(
        f"signal    {signal.rows:,} rows, {signal.tokens:,} target tokens, "
        f"{signal.signal_bytes / signal.tokens:.1f} bytes a token ({signal.codec_name})"
    )
    unseen = prepared.test_suite
    say(
        f"suite     {prepared.suite.rows:,} inputs"
        + (f", and {unseen.rows:,} that nothing is chosen by" if unseen else "")
    )


def _confirming(sweep: Sweep, resume: bool, confirm: bool | None) -> Sweep:
    """The sweep with `search.confirm` as asked for, or as it was begun. Raises `ConfigError` if it cannot."""
    folder = join(sweep.storage, sweep.name)
    if confirm is None:
        begun = read_sweep(folder) if resume and exists(join(folder, "sweep.yaml")) else sweep
        if begun.search.confirm is not None or sweep.search.confirm is None:
            return sweep
        say(f"confirm   {sweep.name} was begun without it: kdray resume {sweep.name} --confirm trains more")
    wanted = (sweep.search.confirm or Confirm()) if confirm else None
    changed = sweep.model_copy(update={"search": sweep.search.model_copy(update={"confirm": wanted})})
    return parse(Sweep, as_data(changed), sweep.name)
