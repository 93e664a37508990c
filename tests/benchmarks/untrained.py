"""A trial that nobody trains: its settings stand for those of a benchmark's table, or for nothing."""

from __future__ import annotations

from typing import Any

FREE = "data_types"
"""Below this setting of DeepSpeed's a trial may hold anything."""


def trial_data(size: int, **fields: Any) -> dict[str, Any]:
    """The trial of a sweep file, the student one layer of this size on either side; `fields` beside it."""
    student = {
        "family": "t5",
        "encoder_layers": 1,
        "decoder_layers": 1,
        "hidden": size,
        "heads": 1,
        "feed_forward": size,
    }
    return {"shards": "a", "suite": "b", "student": student, **fields}
