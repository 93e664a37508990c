"""What is said while work goes on."""

import io

import pytest

from kdray import console
from kdray.report.show import as_text
from kdray.report.text_table import TextTable

EVIL = "a\x1b]0;title\x07\x9b2J\r\u202eb"
SHOWN = "a\\x1b]0;title\\x07\\x9b2J\\r\\u202eb"


def test_without_a_terminal_a_stage_says_now_and_then_how_far_it_is(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(console.time, "perf_counter", lambda: now[0])
    seconds: dict[str, float] = {}
    with console.stage("capture", seconds) as advance:
        for done in range(1, 8):
            now[0] += 10
            advance(done * 500, 3500, f"loss {1 / done:.2f}")
    assert capsys.readouterr().err.splitlines() == [
        "capture   1,500 of 3,500 after 30 s  loss 0.33",
        "capture   3,000 of 3,500 after 60 s  loss 0.17",
    ]
    assert seconds == {"capture": 70.0}


def test_what_a_terminal_would_obey_is_shown_instead():
    assert console.printable(EVIL) == SHOWN
    assert console.printable("é 漢 😀\tb\n") == "é 漢 😀\tb\n"


def test_of_what_was_drawn_the_colours_stay():
    assert console.coloured(f"\x1b[1;31mred\x1b[0m {EVIL}\x1b[2J") == f"\x1b[1;31mred\x1b[0m {SHOWN}\\x1b[2J"


def test_no_cell_of_a_table_reaches_a_terminal_as_it_is():
    from rich.console import Console

    table = TextTable([EVIL], [[EVIL]], "l", [[EVIL]])
    console_ = Console(file=io.StringIO(), force_terminal=True, width=200)
    console_.print(console.Drawn(table.to_rich()))
    drawn = console_.file.getvalue()
    assert "\x1b[" in drawn
    assert console.coloured(drawn) == drawn
    assert "]0;title" in drawn
    assert console.printable(as_text(table.to_rich(), EVIL)) == as_text(table.to_rich(), EVIL)


def test_a_traceback_does_nothing_to_a_terminal(capsys):
    with pytest.raises(ValueError) as caught:
        raise ValueError(EVIL)
    console.say_of_errors(ValueError, caught.value, caught.tb)
    err = capsys.readouterr().err
    assert SHOWN in err
    assert console.printable(err) == err
