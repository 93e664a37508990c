"""What one sees of a sweep while it runs: a live table on a terminal, a line for each trial that ends anywhere.

The table is drawn on stderr from the sweep's events alone; nothing is read from disk but, once, what an earlier
run of the same sweep left. The hypervolume's reference point is the one of the trials so far, so it may fall
when a worse trial widens the range: it is for following a sweep, not for comparing two.
"""

from __future__ import annotations

import contextlib
import copy
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kdray import results
from kdray.config import Sweep, as_data, put
from kdray.console import Advance, Drawn, Loudness, say, stage
from kdray.report import describe
from kdray.report.front import Front, complete, front
from kdray.report.front_table import front_table
from kdray.results import TrialRecord
from kdray.storage import exists, join

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

OnEvent = Callable[[Any], None]
ROWS = 6
"""Trials of the front, and running ones, that are shown."""


@contextlib.contextmanager
def watching(
    sweep: Sweep, folder: str, seconds: dict[str, float], console: Console | None = None
) -> Iterator[OnEvent]:
    """Shows a sweep while the block runs.

    Args:
        sweep: what runs.
        folder: its experiment folder.
        seconds: where the wall time is recorded, as `sweep`.
        console: where to draw; None takes stderr.

    Yields:
        What is to be called with every event (`experiment.events.Event`).
    """
    from rich.console import Console
    from rich.live import Live

    console = console or Console(stderr=True)
    if not console.is_terminal or Loudness.quiet:
        with stage("sweep", seconds) as advance:
            yield lambda event: line(event, advance)
        return
    board = Board(sweep, _earlier(folder))
    started = time.perf_counter()
    with Live(
        get_renderable=lambda: Drawn(board.render()), console=console, refresh_per_second=2, transient=True
    ):

        def hear(event: Any) -> None:
            board.hear(event)
            line(event)

        yield hear
    seconds["sweep"] = seconds.get("sweep", 0.0) + time.perf_counter() - started


def line(event: Any, advance: Advance = lambda done, total: None) -> None:
    """A line for a trial that ends; the bar for everything."""
    advance(event.finished, event.asked)
    if event.kind in ("started", "rung"):
        return
    detail: Mapping[str, Any] = event.detail
    metrics = detail.get("metrics") or {}
    numbers = "  ".join(
        f"{name} {metrics[name]:.3f}"
        for name in ("assertion_accuracy", "accuracy", "metamorphic_discrepancy")
        if name in metrics
    )
    shown = "  ".join(filter(None, [numbers, detail.get("reason", "")]))
    say(f"  {event.key}  {event.kind:<9} {shown}  ({event.finished}/{event.asked})")


def _earlier(folder: str) -> list[TrialRecord]:
    """What an earlier run left."""
    if not exists(join(folder, "sweep.yaml")):
        return []
    return [record for record in results.read(folder) if record.state != "running"]


class Board:
    """The state of a sweep by its events; drawn from another thread than the one that it hears in."""

    def __init__(
        self, sweep: Sweep, earlier: list[TrialRecord], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sweep, self._clock, self._begin = sweep, clock, clock()
        self._ended = {record.key: record for record in earlier}
        self._base: dict[str, Any] = as_data(sweep.trial)
        self._before = len(earlier)
        self._resumed = 0.0
        self._asked = sweep.search.trials
        self._running: dict[str, TrialRecord] = {}
        self._since: dict[str, float] = {}
        self._reached: dict[int, dict[str, bool]] = {step: {} for step in sweep.trial.budget.reports}
        self._lock = threading.Lock()

    def hear(self, event: Any) -> None:
        """Takes in what happened."""
        with self._lock:
            detail, key = event.detail, event.key
            self._asked = max(self._asked, event.asked)
            if event.kind == "started" or key not in self._running:
                self._running[key] = self._begun(key, detail)
            if event.kind == "started":
                self._resumed += self._running[key].step / self._steps
            elif event.kind == "rung":
                rung = {**detail["metrics"], "step": int(detail["step"])}
                self._running[key] = replace(self._running[key], rungs=(rung,))
                self._reached.setdefault(rung["step"], {})[key] = bool(detail.get("goes_on"))
            else:
                record = self._running.pop(key)
                if event.kind != "retried":
                    self._ended[key] = _ended(record, event)

    def _begun(self, key: str, detail: Mapping[str, Any]) -> TrialRecord:
        """A trial that starts, or one of which only a later event is heard."""
        self._since[key] = self._clock()
        point, step = dict(detail.get("point", {})), int(detail.get("resumed_from", 0))
        trial = copy.deepcopy(self._base)
        for path, value in point.items():
            put(trial, path, value)
        confirms = str(detail.get("confirms", ""))
        if confirms:
            trial["seed"] = detail["seed"]
        rungs = ({"step": step},) if step else ()
        return TrialRecord(key, int(key[1:]), "running", point, trial, rungs, confirms=confirms)

    @property
    def _steps(self) -> int:
        return self._sweep.trial.budget.steps

    @property
    def finished(self) -> int:
        """Trials that ended, those of earlier runs included."""
        return len(self._ended)

    @property
    def front(self) -> Front:
        """Of the complete trials so far."""
        return front([*self._ended.values()], self._sweep.objectives)

    @property
    def per_hour(self) -> float | None:
        """Trials that ended in this run an hour; None before the first."""
        spent = self._clock() - self._begin
        here = self.finished - self._before
        return 3600 * here / spent if here and spent > 0 else None

    @property
    def left_s(self) -> float | None:
        """Seconds until all asked trials have ended, at the speed so far; None before anything is known.

        A running trial counts by the share of its steps at its last rung.
        """
        under_way = sum(record.step for record in self._running.values()) / self._steps
        done = self.finished - self._before + under_way - self._resumed
        spent = self._clock() - self._begin
        left = self._asked - self.finished - under_way
        return max(0.0, left) * spent / done if done > 0 and spent > 0 else None

    def render(self) -> RenderableType:
        """The table."""
        from rich.console import Group
        from rich.text import Text

        with self._lock:
            parts: list[RenderableType] = [Text(self.headline(), style="bold")]
            if self._running:
                parts.append(self._running_table())
            if any(self._reached.values()):
                parts.append(Text(self.rungs(), style="dim"))
            front_now = self.front if complete(self._ended.values()) else None
            if front_now is not None and front_now.candidates:
                parts.append(front_table(front_now, rows=ROWS, everything=False))
                parts.append(Text(_volume(front_now), style="dim"))
            return Group(*parts)

    def headline(self) -> str:
        """Where the sweep stands, in a line."""
        states = [record.state for record in self._ended.values()]
        counted = [f"{states.count(s)} {s}" for s in ("complete", "pruned", "failed") if s in states]
        parts = [f"{self._sweep.name}  {self.finished}/{self._asked} trials"]
        parts[0] += f": {', '.join(counted)}" if counted else ""
        if self.per_hour is not None:
            parts.append(f"{self.per_hour:,.0f} trials an hour")
        if self.left_s is not None:
            parts.append(f"about {duration(self.left_s)} left")
        return "   ".join(parts)

    def rungs(self) -> str:
        """How many trials reached each rung in this run, and how many of them went on."""
        last = self._sweep.trial.budget.reports[-1]
        parts = []
        for step, reached in sorted(self._reached.items()):
            went = "" if step == last else f", {sum(reached.values())} went on"
            parts.append(f"{step:,}: {len(reached)} reached{went}")
        return "rungs  " + "   ".join(parts)

    def _running_table(self) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        names = list(self._sweep.objectives)
        for heading in ("running", "step", "for", *map(describe.title, names), "settings"):
            table.add_column(heading, justify="left" if heading in ("running", "settings") else "right")
        for key, record in [*self._running.items()][:ROWS]:
            point = record.overrides.items()
            chosen = "  ".join(f"{describe.title(path)} {_short(value)}" for path, value in point)
            cells = [key, f"{record.step:,}/{self._steps:,}", duration(self._clock() - self._since[key])]
            cells += [describe.number(record.metrics.get(name)) for name in names]
            table.add_row(*map(Text, [*cells, chosen]))
        return table


def _ended(record: TrialRecord, event: Any) -> TrialRecord:
    """A trial that ended, as far as its event tells."""
    metrics = dict(event.detail.get("metrics") or {})
    rungs = ({"step": 0, **metrics},) if metrics else ()
    return replace(record, state=event.kind, rungs=rungs, reason=str(event.detail.get("reason", "")))


def _volume(front: Front) -> str:
    point = ", ".join(f"{describe.title(n)} {describe.number(at)}" for n, at in front.reference.items())
    size = describe.number(front.hypervolume, 4)
    return f"{len(front.members)} on the front; hypervolume {size} up to {point}"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """`42 s`, `7 min`, `3 h 20 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
