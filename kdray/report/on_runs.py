"""What running their assertions says of the students that are shown, beside what they are held against.

Told on the test suite where it has been opened, else on the cases that students are chosen by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdray.config.metric_names import ALL_OF_RUNS
from kdray.report import describe
from kdray.report.front import Front
from kdray.report.on_test import on_test
from kdray.report.text_table import TextTable
from kdray.results import TrialRecord

COUNTED = "run_cases"


def runs_table(front: Front, baselines: Mapping[str, Mapping[str, Any]] | None = None) -> TextTable | None:
    """The front's students, then the teacher and the others; None where nothing was run."""
    unseen = any(record.test for record in front.members)
    shown = [on_test(record) if unseen else record for record in front.members]
    held = [
        TrialRecord(name, -1, "complete", {}, {}, (dict((metrics.get("test") if unseen else metrics) or {}),))
        for name, metrics in (baselines or {}).items()
    ]
    names = [name for name in ALL_OF_RUNS if any(name in record.metrics for record in shown)]
    if not names:
        return None
    heads = [f"{max(map(_tests, shown))} tests run", *(describe.title(name) for name in names)]
    rows, below = (
        [
            [record.key, *(describe.metric(record, name) for name in names)]
            for record in records
            if any(name in record.metrics for name in names)
        ]
        for records in (shown, held)
    )
    return TextTable(heads, rows, "l" + "r" * len(names), below)


def _tests(record: TrialRecord) -> int:
    counts = record.metrics.get("counts")
    tests = counts.get(COUNTED) if isinstance(counts, Mapping) else None
    return tests if isinstance(tests, int) else 0
