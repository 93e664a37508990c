"""The live table says what the events said; without a terminal there are plain lines."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from kdray import results
from kdray.config import sweep_from
from kdray.experiment.events import Event
from kdray.pipeline.watch import Board, duration, watching
from kdray.report.front import front
from tests import world


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def sweep(tmp_path):
    data = world.sweep_data(tmp_path)
    data["search"] = {"trials": 4}
    data["trial"]["budget"] = {"steps": 90, "rungs": [30, 90]}
    return sweep_from(data, "test")


def metrics(accuracy, discrepancy, params=1000):
    return {
        "assertion_accuracy": accuracy, "metamorphic_discrepancy": discrepancy, "student_params": params,
        "intervals": {"assertion_accuracy": [accuracy - 0.05, accuracy + 0.05]},
    }  # fmt: skip


def events():
    """Two trials that end, one that is stopped, one that is under way."""
    point = {"distil.alpha": 0.25, "distil.temperature": 2.0}
    finished = 0
    for key, values, end in (
        ("t0000", (0.3, 0.5), "complete"), ("t0001", (0.2, 0.4), "complete"), ("t0002", (0.1, 0.9), "pruned"),
    ):  # fmt: skip
        yield Event("started", key, finished, 4, {"point": point, "resumed_from": 0})
        yield Event(
            "rung", key, finished, 4, {"step": 30, "metrics": metrics(*values), "goes_on": end != "pruned"}
        )
        if end == "complete":
            yield Event("rung", key, finished, 4, {"step": 90, "metrics": metrics(*values), "goes_on": True})
        finished += 1
        reason = {} if end == "complete" else {"reason": "stopped at step 30"}
        yield Event(end, key, finished, 4, {"metrics": metrics(*values), **reason})
    yield Event("started", "t0003", finished, 4, {"point": point, "resumed_from": 0})
    yield Event("rung", "t0003", finished, 4, {"step": 30, "metrics": metrics(0.15, 0.6), "goes_on": True})


def drawn(board):
    console = Console(width=140, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(board.render())
    return console.file.getvalue()


def test_the_table_shows_what_runs_the_rungs_the_front_and_the_end_in_sight(sweep):
    clock = Clock()
    board = Board(sweep, [], clock)
    assert "tiny  0/4 trials" in drawn(board)
    for event in events():
        clock.now += 10
        board.hear(event)
    text = drawn(board)
    assert "3/4 trials: 2 complete, 1 pruned" in text
    assert f"{3600 * 3 / clock.now:,.0f} trials an hour" in text
    assert "30: 4 reached, 3 went on   90: 2 reached" in text
    (running,) = [line for line in text.splitlines() if line.lstrip().startswith("t0003")]
    assert "30/90" in running
    assert "0.150" in running
    assert "alpha 0.25" in running
    expected = front([*board._ended.values()], sweep.objectives)
    assert {member.key for member in expected.members} == {"t0000", "t0001"}
    assert "llama 1x32 h1 ff48" in text
    assert f"2 on the front; hypervolume {expected.hypervolume:.4f}" in text
    # Three trials and a third of one took the time; two thirds of one are left.
    assert board.left_s == pytest.approx(clock.now * (1 - 30 / 90) / (3 + 30 / 90))


def test_a_resumed_trial_and_earlier_trials_do_not_count_as_speed(sweep):
    clock = Clock()
    first = Board(sweep, [], clock)
    for event in events():
        first.hear(event)
    board = Board(sweep, [*first._ended.values()], clock)
    assert board.finished == 3
    assert board.per_hour is None
    board.hear(Event("started", "t0003", 3, 4, {"point": {}, "resumed_from": 30}))
    clock.now += 60
    assert board.left_s is None
    board.hear(Event("complete", "t0003", 4, 4, {"metrics": metrics(0.5, 0.1)}))
    assert board.left_s == 0
    assert board.per_hour == 60


def test_a_trial_that_lost_its_worker_runs_no_more_until_it_starts_again(sweep):
    board = Board(sweep, [])
    board.hear(Event("started", "t0000", 0, 4, {"point": {}}))
    board.hear(Event("retried", "t0000", 0, 4, {"reason": "lost"}))
    assert board.finished == 0
    assert "t0000" not in drawn(board)


def test_without_a_terminal_there_is_a_line_for_each_trial_that_ends(sweep, tmp_path, capsys):
    seconds = {}
    with watching(sweep, str(tmp_path), seconds) as hear:
        for event in events():
            hear(event)
    assert capsys.readouterr().err.splitlines() == [
        "  t0000  complete  assertion_accuracy 0.300  metamorphic_discrepancy 0.500  (1/4)",
        "  t0001  complete  assertion_accuracy 0.200  metamorphic_discrepancy 0.400  (2/4)",
        "  t0002  pruned    assertion_accuracy 0.100  metamorphic_discrepancy 0.900  stopped at step 30  (3/4)",
    ]
    assert seconds["sweep"] >= 0


def test_on_a_terminal_the_table_is_drawn_and_gone_at_the_end(sweep, tmp_path):
    out, seconds = io.StringIO(), {}
    console = Console(file=out, force_terminal=True, width=140, color_system=None)
    with watching(sweep, str(tmp_path), seconds, console) as hear:
        for event in events():
            hear(event)
        console.print("")  # draws at once
    assert "3/4 trials" in out.getvalue()
    assert "\x1b[2K" in out.getvalue()  # what stood there is erased
    assert seconds["sweep"] >= 0


def test_a_sweep_gone_on_with_shows_what_the_first_run_reached(tmp_path):
    from tests.report.simulated import simulate

    folder = simulate(tmp_path / "x", 12, running=2, cases=0)
    console = Console(file=io.StringIO(), force_terminal=True, width=140, color_system=None)
    with watching(results.read_sweep(folder), str(folder), {}, console):
        console.print("")
    assert "10/12 trials" in console.file.getvalue()


def test_durations_are_short():
    assert [duration(s) for s in (4.2, 59, 61, 3599, 12_000)] == [
        "4 s",
        "59 s",
        "1 min",
        "1 h 0 min",
        "3 h 20 min",
    ]


def test_the_rows_of_running_trials_keep_their_places(sweep):
    board = Board(sweep, [], Clock())
    for key in ("t0000", "t0001"):
        board.hear(Event("started", key, 0, 4, {"point": {"distil.alpha": 0.25}, "resumed_from": 0}))
    board.hear(Event("rung", "t0000", 0, 4, {"step": 30, "metrics": metrics(0.1, 0.5), "goes_on": True}))
    text = drawn(board)
    assert text.index("t0000") < text.index("t0001")
