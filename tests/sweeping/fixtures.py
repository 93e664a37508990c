"""Small sweeps for the tests that run them, and one Ray for all of these."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kdray.config import Resources, Sweep, sweep_from

# For `tests.sweeping.fake_run` in Ray's workers and in drivers that are to be killed.
ROOT = str(Path(__file__).resolve().parents[2])
os.environ["PYTHONPATH"] = os.pathsep.join([ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])

# Read by W&B in Ray's actors, which inherit it from the Ray that is started here.
os.environ["WANDB_MODE"] = "offline"

MakeSweep = Callable[..., Sweep]

STUDENT = {
    "family": "t5",
    "encoder_layers": 1,
    "decoder_layers": 1,
    "hidden": 64,
    "heads": 1,
    "feed_forward": 64,
}


@pytest.fixture
def make_sweep(module_sweep: MakeSweep) -> MakeSweep:
    """A small sweep; `space` adds to its space, `student` to its base student, the rest replaces."""
    return module_sweep


@pytest.fixture(scope="session")
def module_sweep() -> MakeSweep:
    """A small sweep; `space` adds to its space, `student` to its base student, the rest replaces."""

    def make(
        trials: int = 8,
        *,
        space: dict[str, Any] | None = None,
        only: dict[str, Any] | None = None,
        search: dict[str, Any] | None = None,
        student: dict[str, Any] | None = None,
        **more: Any,
    ) -> Sweep:
        data = {
            "name": "small",
            "trial": {
                "shards": "a",
                "suite": "b",
                "student": {**STUDENT, **(student or {})},
                "budget": {"steps": 9, "rungs": [1, 3, 9]},
            },
            "space": only
            or {
                "distil.alpha": {"range": [0, 1]},
                "distil.temperature": {"range": [0.5, 8.0], "log": True},
                "student.hidden": [32, 64, 96],
                **(space or {}),
            },
            "search": {"trials": trials, **(search or {})},
            "resources": {"max_concurrent": 2},
            **more,
        }
        return sweep_from(data, "test")

    return make


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    """One Ray for all tests that need it: starting it takes seconds."""
    from kdray.workers import ray_session

    with ray_session.local(Resources(max_concurrent=2)):
        yield
