"""The hint behind a mistake."""

from __future__ import annotations

import errno
import os

import pytest

from kdray import cli
from kdray.errors import DataError, ending, nearest, unwritable


def test_the_nearest_choice_or_all_of_them():
    assert nearest("alfa", ["alpha", "beta"]) == ", did you mean 'alpha'?"
    assert nearest("zzz", ["b", "a"]) == ", known: a, b"
    assert nearest("zzz", []) == ""


def test_a_choice_that_has_the_word_is_nearer_than_one_that_is_only_spelt_like_it():
    known = ["variant_accuracy", "lenient_accuracy", "assertion_accuracy", "curacy"]
    assert nearest("accuracy", known) == ", did you mean 'assertion_accuracy'?"
    assert nearest("variant_acuracy", known) == ", did you mean 'variant_accuracy'?"
    assert nearest("alpha", ["distil.alpha", "aloha"]) == ", did you mean 'distil.alpha'?"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_file_that_cannot_be_written_is_one_line(number, monkeypatch, capsys):
    def fail():
        raise OSError(number, os.strerror(number), "/runs/x/study.journal")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    err = capsys.readouterr().err
    assert (ended.value.code, err.count("\n")) == (3, 1)
    assert f"/runs/x/study.journal: {os.strerror(number)}" in err


def test_any_other_error_of_the_system_is_a_bug_and_keeps_its_traceback(monkeypatch):
    def fail():
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(OSError):
        cli.main()
    assert unwritable(OSError(errno.EBADF, "")) == ""


def tripped(error: BaseException) -> Exception:
    """A library's lock that says it is not held where what happened meanwhile is an error."""
    try:
        try:
            raise error
        finally:
            raise RuntimeError("did not possess lock")
    except RuntimeError as own:
        return own


@pytest.mark.parametrize(
    ("error", "interrupted", "line"),
    [
        (tripped(PermissionError(errno.EACCES, "Permission denied", "x")), False, "x: Permission denied"),
        (tripped(KeyboardInterrupt()), False, "interrupted"),
        (TypeError("cannot compare"), True, "interrupted"),
        (DataError("x: damaged"), True, "x: damaged"),
        (tripped(MemoryError()), False, "not enough memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), False, "not enough memory"),
        (ImportError("x.so: failed to map segment from shared object"), False, "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), False, "not enough memory"),
    ],
)
def test_what_an_error_came_out_of_is_told(error, interrupted, line):
    told = ending(error, interrupted)
    assert told is not None and told[0].startswith(line)


def test_a_bug_shows_its_traceback():
    assert ending(tripped(ZeroDivisionError())) is None
