"""The log file of a run."""

import logging
import os
import re

import pytest

from kdray.console import say
from kdray.errors import ConfigError
from kdray.log_file import keeping

log = logging.getLogger("kdray.somewhere")


def test_what_is_said_and_logged_is_kept_with_its_time_and_so_is_what_ended_it(tmp_path, capsys):
    path = tmp_path / "run" / "log.txt"
    with keeping(str(path)):
        say("signal    4,096 rows")
        log.info("step 5 of 9")
        log.warning("a \x1b[2J")
    with pytest.raises(ConfigError), keeping(str(path)):
        raise ConfigError("no such thing")
    say("not kept")
    log.warning("neither")
    lines = path.read_text().splitlines()
    assert [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", "", line) for line in lines] == [
        "signal    4,096 rows",
        "INFO step 5 of 9",
        "WARNING a \\x1b[2J",
        "ended by ConfigError: no such thing",
    ]
    assert "4,096" in capsys.readouterr().err


def test_what_cannot_be_written_ends_nothing(tmp_path):
    (tmp_path / "run").touch()
    with keeping(str(tmp_path / "run" / "log.txt")):
        say("lost")


def test_a_link_or_a_pipe_in_the_logs_place_is_not_written_into(tmp_path):
    (tmp_path / "profile").touch()
    (tmp_path / "link.txt").symlink_to(tmp_path / "profile")
    os.mkfifo(tmp_path / "pipe.txt")
    for name in ("link.txt", "pipe.txt"):
        with keeping(str(tmp_path / name)):
            say("$(evil)")
    assert (tmp_path / "profile").read_text() == ""
