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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

Advance = Callable[[int, int], None]
"""Called with (done, total)."""
EVERY_S = 30.0
"""How often a stage says how far it is where there is no terminal to draw a bar on."""
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


def say(text: str) -> None:
    """One line on stderr."""
    print(printable(text), file=sys.stderr, flush=True)  # noqa: T201 - this is the one place that prints


def near(path: str | Path | None) -> str:
    """A path as one would type it here."""
    text = str(path)
    return os.path.relpath(text) if text.startswith(os.getcwd()) else text


@contextlib.contextmanager
def stage(name: str, seconds: dict[str, float] | None = None) -> Iterator[Advance]:
    """A named stage: a bar on a terminal, elsewhere a line every `EVERY_S`.

    Args:
        name: of the stage.
        seconds: where its wall time is recorded, by name.

    Yields:
        A callable to report (done, total) with.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    started = time.perf_counter()
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)

        said = started

        def advance(done: int, total: int) -> None:
            nonlocal said
            bar.update(task, completed=done, total=total)
            now = time.perf_counter()
            if not console.is_terminal and now - said >= EVERY_S:
                said = now
                say(f"{name:<9} {done:,} of {total:,} after {now - started:,.0f} s")

        yield advance
    if seconds is not None:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - started
