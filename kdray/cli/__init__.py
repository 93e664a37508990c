"""The command line: parse, call, print. Data goes to stdout, everything else to stderr.

    apps           what all commands share
    beginnings     init, doctor
    run_verbs      demo, validate, trial, launch, resume, stop, status
    corpus_verbs   corpus
    data_verbs     teacher, capture, shards
    result_verbs   pareto, report, compare
    student_verbs  export, predict, metamorphic

Heavy imports happen inside the commands, so that `kdray --help` answers at once. Exit codes: 0 done, 1 ran
but did not reach what was asked, 2 bad usage or a setting that cannot be, 3 data that is missing, damaged or
another's, 130 interrupted. A user's mistake costs one line (with -v its traceback too), a bug its traceback. Not
here: whatever a script would call as well; that is where the commands import it from.
"""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType

from kdray.cli import run_verbs  # noqa: F401 - its commands come first in the help

# isort: split
from kdray.cli import (  # noqa: F401 - theirs follow
    beginnings,
    corpus_verbs,
    data_verbs,
    result_verbs,
    student_verbs,
)
from kdray.cli.apps import app, corpus_app, shards_app, teacher_app
from kdray.console import Loudness, Printable, printable, say_of_errors
from kdray.errors import ending
from kdray.process_memory import bound_caches

__all__ = ["app", "corpus_app", "main", "shards_app", "teacher_app"]


def main() -> None:
    """Entry point of `kdray`."""
    bound_caches()
    sys.excepthook = say_of_errors
    if logging.lastResort is not None:  # warnings quote files, which may be somebody else's
        logging.lastResort.setFormatter(Printable())
    interrupts: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        signal.default_int_handler(number, frame)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)
    try:
        app()
    except (Exception, KeyboardInterrupt) as error:
        if (told := ending(error, bool(interrupts))) is None:
            raise
        if Loudness.verbose:
            say_of_errors(type(error), error, error.__traceback__)
        line, code = told
        sys.stderr.write(f"kdray: {printable(line)}\n")
        sys.exit(code)
