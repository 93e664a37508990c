"""What can go wrong that a user can mend.

A `KdrayError` is one clear line: file, field, value, what is allowed and the nearest match. The command line
prints it and exits with its `exit_code`; everything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable


class KdrayError(Exception):
    """A mistake the user can mend (bad file, bad value, bad usage)."""

    exit_code = 2


class ConfigError(KdrayError):
    """A sweep or trial file that says something impossible."""


class DataError(KdrayError):
    """A corpus, shard or suite that is missing, damaged or belongs to something else."""

    exit_code = 3


class StorageError(KdrayError):
    """Storage that does not answer, or a disk that is full: nobody's trial is to blame, and another machine may
    do better.

    Attributes:
        machine: Ray's id of the node that it happened on, where one is known.
    """

    exit_code = 3
    machine = ""


class TrialFailed(KdrayError):
    """A trial that cannot go on (its loss is not finite, a metric is missing); the sweep goes on without it."""

    exit_code = 1


UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def unwritable(error: OSError) -> str:
    """What a user can do about a file that cannot be written, in a line; "" for any other error."""
    if error.errno not in UNWRITABLE:
        return ""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}: make room or give access there, and the same command goes on from here"


def out_of_memory(error: BaseException) -> str:
    """What a user can do about memory that is not there, in a line; "" for any other error."""
    # torch has no kind of its own for it, and a library that is loaded late finds no room either.
    said = isinstance(error, RuntimeError | ImportError) and _NO_MEMORY.search(str(error))
    if not (said or isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM):
        return ""
    return (
        "not enough memory: close something, or let less run at a time (resources.max_concurrent,"
        " optim.micro_batch); the same command goes on from here"
    )


_NO_MEMORY = re.compile(
    r"can't allocate memory|out of memory|can't start new thread|failed to map segment(?!.*permitted)"
)
INTERRUPTED = "interrupted; the same command goes on from here"
INTERRUPTED_CODE = 130


def ending(error: BaseException | None, interrupted: bool = False) -> tuple[str, int] | None:
    """What a user is told of an error in a line, and the exit code; None for a bug, which shows its traceback.

    What an error came out of counts too: a library's lock that trips over a full disk or Ctrl-C tells of itself.

    Args:
        error: as it was caught.
        interrupted: whether there was a Ctrl-C, which a library may have turned into an error of its own.
    """
    if isinstance(error, KdrayError):
        return str(error), error.exit_code
    while error is not None:
        line = unwritable(error) if isinstance(error, OSError) else ""
        if line := line or out_of_memory(error):
            return line, StorageError.exit_code
        interrupted |= isinstance(error, KeyboardInterrupt)
        error = error.__cause__ or error.__context__
    return (INTERRUPTED, INTERRUPTED_CODE) if interrupted else None


def nearest(word: str, choices: Iterable[str]) -> str:
    """A hint such as `, did you mean 'alpha'?`, the list of choices when none is near, or "" without any. A choice
    that has the word for one of its own is nearer than one that is only spelt like it.
    """
    known = sorted(choices)
    if not known:
        return ""
    having = [choice for choice in known if word in re.split(r"[\W_]", choice)]
    close = having[:1] or difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f", did you mean '{close[0]}'?" if close else f", known: {', '.join(known)}"


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).strip() or type(error).__name__).split("\n")[0]
