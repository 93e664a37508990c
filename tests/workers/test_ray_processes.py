"""What a killed driver leaves running is ended, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kdray.workers import ray_processes

DRIVER = """
import subprocess, sys, time
from kdray.workers import ray_processes
agent = subprocess.Popen(["sleep", "600"], start_new_session=True)
with ray_processes.noted():
    print(agent.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: Any) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(ray_processes.tempfile, "tempdir", str(tmp_path))
    return ray_processes.folder()


@pytest.fixture
def driver(notes: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    started = subprocess.Popen(
        [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    agent = int(started.stdout.readline())
    yield started, agent
    for pid in (started.pid, agent):
        if ray_processes.started(pid):
            os.kill(pid, signal.SIGKILL)
    started.wait()
    started.stdin.close()
    started.stdout.close()


def test_what_a_killed_driver_left_is_ended_and_nothing_else(driver: Any, notes: Path) -> None:
    own = subprocess.Popen(["sleep", "600"])
    started, agent = driver
    try:
        assert ray_processes.end_left_over() == []  # its driver lives
        assert ray_processes.started(agent)
        started.kill()
        started.wait()
        assert ray_processes.end_left_over() == [agent]
        assert ray_processes.started(own.pid)
        assert list(notes.iterdir()) == []
    finally:
        own.kill()
        own.wait()


def test_a_driver_that_ends_leaves_no_note(driver: Any, notes: Path) -> None:
    started, _ = driver
    assert len(list(notes.iterdir())) == 1
    started.stdin.close()
    started.wait(20)
    assert list(notes.iterdir()) == []


def test_a_number_that_somebody_else_has_by_now_is_not_touched(notes: Path) -> None:
    own = subprocess.Popen(["sleep", "600"])
    notes.mkdir(mode=0o700)
    gone = {"pid": own.pid, "started": "another boot 1"}
    (notes / "1.json").write_text(json.dumps({"driver": gone, "processes": [gone]}))
    (notes / "2.json").write_text("{")
    try:
        assert ray_processes.end_left_over() == []
        assert own.poll() is None
        assert list(notes.iterdir()) == []
    finally:
        own.kill()
        own.wait()


def test_notes_that_others_may_write_are_not_believed(notes: Path) -> None:
    own = subprocess.Popen(["sleep", "600"])
    notes.mkdir()
    notes.chmod(0o777)
    living = {"pid": own.pid, "started": ray_processes.started(own.pid)}
    told = {"driver": {"pid": 1, "started": ""}, "processes": [living]}
    (notes / "1.json").write_text(json.dumps({**told, "driver": {"pid": 1, "started": "never"}}))
    try:
        assert ray_processes.end_left_over() == []
        assert own.poll() is None
        notes.chmod(0o700)
        assert ray_processes.end_left_over() == [own.pid]
    finally:
        own.kill()
        own.wait()
