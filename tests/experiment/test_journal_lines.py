"""A journal with damage in it: said with the line, the rest used, no result of another trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kdray import results
from kdray.experiment.journal_lines import sound_lines
from tests.sweeping.check import trials_of
from tests.sweeping.drive import drive


@pytest.fixture
def sweep(make_sweep: Any) -> Any:
    return make_sweep(4, search={"sampler": "random", "halving": False})


@pytest.mark.parametrize(
    "damage", [b"{garbage", b"", b"\0" * 100, b"[1, 2]", b'{"op_code":99,"worker_id":"x"}', b"[" * 100_000]
)
def test_a_damaged_line_is_said_and_costs_nothing_else(
    sweep: Any, tmp_path: Path, caplog: Any, damage: bytes
) -> None:
    drive(sweep, tmp_path / "x")
    journal = tmp_path / "x" / "study.journal"
    lines = journal.read_bytes().split(b"\n")
    journal.write_bytes(b"\n".join([*lines[:20], damage, *lines[20:]]))
    before = {record.key: record.metrics for record in results.read(tmp_path / "x")}
    drive(sweep, tmp_path / "x")
    assert "study.journal: line 21: damaged" in caplog.text
    assert damage in (tmp_path / "x" / "study.journal.aside-1").read_bytes()
    assert {record.key: record.metrics for record in results.read(tmp_path / "x")} == before


def test_a_trial_whose_line_is_lost_gives_its_results_to_no_other(sweep: Any, tmp_path: Path) -> None:
    folder = tmp_path / "x"
    drive(sweep, folder)
    points = {t.user_attrs["key"]: t.params for t in trials_of(folder)}
    journal = folder / "study.journal"
    lines = journal.read_bytes().split(b"\n")
    lost = [number for number, line in enumerate(lines) if b'"op_code":4' in line][1]
    lines[lost] = lines[lost][:30]
    journal.write_bytes(b"\n".join(lines))
    drive(sweep, folder)
    there = {t.user_attrs["key"]: t for t in trials_of(folder) if "key" in t.user_attrs}
    for key in ("t0000", "t0002", "t0003"):
        assert there[key].params == points[key]
    assert "t0001" not in there
    assert (folder / "trials" / "t0001.aside-1").exists()
    for record in results.read(folder):
        assert record.trial["distil"]["alpha"] == there[record.key].params["distil.alpha"]


def test_what_a_kill_cut_short_is_dropped_without_a_word() -> None:
    line = b'{"op_code":0,"worker_id":"x"}\n'
    assert sound_lines(line + b'{"op_co') == (line, [])
    assert sound_lines(line + b"\0\0\n") == (line, [])
    assert sound_lines(b"") == (b"", [])


def test_more_than_one_line_lost_at_the_end_is_damage() -> None:
    line = b'{"op_code":0,"worker_id":"x"}\n'
    assert sound_lines(line + b"\0\n\0\n") == (line, [2])
