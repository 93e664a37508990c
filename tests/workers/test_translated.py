from __future__ import annotations

import logging
from typing import Any

from kdray.workers.translated import Translated, numbers, settings


class Broken:
    """A callback whose server is away."""

    def __init__(self):
        self.asked = 0

    def setup(self):
        self.asked += 1
        raise ConnectionError("no route to the server\nwith a long story")


def test_a_tracker_that_breaks_is_told_of_once_and_left_alone(caplog, tmp_path):
    inner = Broken()
    told = Translated(inner, "MLflow", link=None, folder=tmp_path)
    with caplog.at_level(logging.WARNING):
        told.setup()
        told.setup()
    assert inner.asked == 1
    assert [record.getMessage() for record in caplog.records] == [
        "MLflow does not work (no route to the server): the sweep goes on without it"
    ]


def test_what_is_no_number_is_left_out():
    metrics: dict[str, Any] = {
        "step": 3,
        "a": 0.5,
        "ok": True,
        "relations": {"x": {}},
        "intervals": {"a": [0, 1]},
    }
    assert numbers(metrics) == {"step": 3.0, "a": 0.5, "interval/a/low": 0.0, "interval/a/high": 1.0}
    assert settings({"a": {"b": 1, "c": None}, "d": [1], "e": {}}) == {"a.b": 1, "d": [1]}
