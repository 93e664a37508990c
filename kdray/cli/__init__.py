"""The command line: parse, call, print. Data goes to stdout, everything else to stderr.

    apps           what all commands share
    beginnings     init, doctor
    run_verbs      demo, validate, trial, launch, resume, stop, status
    data_verbs     corpus, teacher, capture, shards
    result_verbs   pareto, compare, export, predict, metamorphic

Heavy imports happen inside the commands, so that `kdray --help` answers at once. Exit codes: 0 done, 1 ran
but did not reach what was asked, 2 bad usage or a setting that cannot be, 3 data that is missing, damaged or
another's, 130 interrupted. A user's mistake costs one line, a
bug its traceback. Not here: whatever a script would call as well; that is where the commands import it from.
"""

from __future__ import annotations

import logging
import sys

from kdray.cli import run_verbs  # noqa: F401 - its commands come first in the help

# isort: split
from kdray.cli import beginnings, data_verbs, result_verbs  # noqa: F401 - theirs follow
from kdray.cli.apps import app, corpus_app, shards_app, teacher_app
from kdray.console import Printable, printable, say_of_errors
from kdray.errors import KdrayError, StorageError, unwritable
from kdray.process_memory import bound_caches

__all__ = ["app", "corpus_app", "main", "shards_app", "teacher_app"]


def main() -> None:
    """Entry point of `kdray`."""
    bound_caches()
    sys.excepthook = say_of_errors
    if logging.lastResort is not None:  # warnings quote files, which may be somebody else's
        logging.lastResort.setFormatter(Printable())
    try:
        app()
    except KdrayError as error:
        sys.stderr.write(f"kdray: {printable(str(error))}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        if not (line := unwritable(error)):
            raise
        sys.stderr.write(f"kdray: {printable(line)}\n")
        sys.exit(StorageError.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("kdray: interrupted; the same command goes on from here\n")
        sys.exit(130)
