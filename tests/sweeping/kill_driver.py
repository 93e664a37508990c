"""A driver to be killed: `python -m tests.sweeping.kill_driver FOLDER TRIALS` runs a sweep of slow fake trials."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from kdray.config import Sweep, sweep_from
from kdray.experiment import lock
from kdray.workers.runner import run

STARTS = [{"distil.alpha": 0.5, "distil.temperature": 1.0}, {"distil.alpha": 0.0}]


def the_sweep(trials: int, halving: bool = True) -> Sweep:
    student = {"encoder_layers": 1, "decoder_layers": 1, "hidden": 64, "heads": 1, "feed_forward": 64}
    return sweep_from(
        {
            "name": "small",
            "trial": {
                "shards": "a",
                "suite": "b",
                "student": {"family": "t5", **student},
                "budget": {"steps": 9, "rungs": [1, 3, 9]},
            },
            "space": {
                "distil.alpha": {"range": [0.0, 1.0]},
                "distil.temperature": {"range": [0.5, 8.0], "log": True},
                "student.hidden": [32, 64, 96],
            },
            "search": {"trials": trials, "start": STARTS, "halving": halving, "eta": 2, "trust": -1},
            "resources": {"max_concurrent": 2},
        },
        "kill_driver",
    )


def say(event: Any) -> None:
    print(event.kind, event.key, event.detail.get("resumed_from", ""), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    lock.BEAT_S = float(os.environ.get("KDRAY_TEST_BEAT_S", lock.BEAT_S))
    try:
        run(
            the_sweep(int(sys.argv[2])),
            sys.argv[1],
            resume=True,
            on_event=say,
            trial_factory="tests.sweeping.fake_run:Slow",
        )
    except KeyboardInterrupt:
        sys.exit(130)
