"""What a person sees while work goes on: stage lines and progress bars, on stderr, so that stdout is data
only.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

Advance = Callable[[int, int], None]
"""Called with (done, total)."""


class Bar(Protocol):
    """Called with (done, total), and with what else is to stand beside them."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Moves on."""


EVERY_S = 30.0
"""How often a stage says how far it is where there is no terminal to draw a bar on."""
_ALWAYS = ("warning:", "kdray:")
"""What is said begins so where it is said also to who wants to hear nothing."""
CLOCK = "%H:%M:%S"
KEPT: list[Callable[[str], None]] = []
"""What else hears what is said."""
Stage = Callable[[str], AbstractContextManager[Advance]]
"""Shows a stage of that name as far as it is; see `stage`."""


def printable(text: str) -> str:
    """A text as it may go to a terminal: what a terminal would obey shows as `\\x1b`; line ends and tabs stay."""
    return "".join(one if one in "\t\n" or one.isprintable() else ascii(one)[1:-1] for one in text)


_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


def coloured(text: str) -> str:
    """`printable` of a text that was drawn with colours, which stay."""
    return "".join(part if _COLOUR.fullmatch(part) else printable(part) for part in _COLOUR.split(text))


class Drawn:
    """Something to draw with rich of which no cell reaches the terminal but as `printable`."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.segment import Segment

        for segment in console.render(self._renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


def say_of_errors(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A traceback on stderr: a `sys.excepthook`. What it quotes may be somebody else's."""
    sys.stderr.write(printable("".join(traceback.format_exception(kind, error, trace))))


class Printable(logging.Formatter):
    """Log lines as they may go to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        return printable(super().format(record))


class Loudness:
    """How much is said.

    Attributes:
        quiet: warnings and errors alone.
        verbose: also what libraries log, each line with its time, and the traceback of every error.
    """

    quiet = False
    verbose = False


def be_verbose() -> None:
    """From now on more is said: see `Loudness`."""
    Loudness.verbose = True
    handler = logging.StreamHandler()
    handler.setFormatter(Printable("%(asctime)s  %(name)s: %(message)s", CLOCK))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def say(text: str) -> None:
    """One line on stderr, and in the log files that are open (`log_file`)."""
    for keep in KEPT:
        keep(text)
    if Loudness.quiet and not text.startswith(_ALWAYS):
        return
    shown = f"{time.strftime(CLOCK)}  {text}" if Loudness.verbose else text
    print(printable(shown), file=sys.stderr, flush=True)  # noqa: T201 - this is the one place that prints


def near(path: str | Path | None) -> str:
    """A path as one would type it here."""
    text = str(path)
    return os.path.relpath(text) if text.startswith(os.getcwd()) else text


@contextlib.contextmanager
def stage(name: str, seconds: dict[str, float] | None = None) -> Iterator[Bar]:
    """A named stage: a bar on a terminal, elsewhere a line every `EVERY_S`.

    Args:
        name: of the stage.
        seconds: where its wall time is recorded, by name.

    Yields:
        A callable to report (done, total) with, and what else is to be seen there, such as a loss.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    said = started = time.perf_counter()
    console = Console(stderr=True)
    drawn = console.is_terminal and not Loudness.quiet
    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not drawn) as bar:
        task = bar.add_task(name, total=None, note="")

        def advance(done: int, total: int, note: str = "") -> None:
            nonlocal said
            bar.update(task, completed=done, total=total, note=note)
            now = time.perf_counter()
            if not drawn and now - said >= EVERY_S:
                said = now
                say(f"{name:<9} {done:,} of {total:,} after {now - started:,.0f} s  {note}".rstrip())

        yield advance
    if seconds is not None:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - started
