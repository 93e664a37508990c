"""The students that were judged by the test suite, beside what they were chosen by.

`optimism` is how much better a student looked on the cases it was chosen by than on cases that chose nothing: the
best of many is best partly by luck. A sweep of one suite has none to show, and says that its students were chosen
by the very cases they are told on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kdray.report import describe
from kdray.report.front import Front, value
from kdray.report.text_table import TextTable
from kdray.results import TrialRecord

OWN_TEST_SET = "chosen by the very cases told here: the best of many looks better than it is"
NOT_YET = "not judged by the test suite yet: kdray resume does it"


def on_test(record: TrialRecord) -> TrialRecord:
    """The same trial with the test suite's metrics as its last rung; without rungs where it was not judged."""
    return replace(record, rungs=(record.test,) if record.test else ())


def optimism(record: TrialRecord, objectives: Mapping[str, str]) -> dict[str, float]:
    """Objective -> by how much it was better where it was chosen; empty where it was not judged."""
    if not record.test:
        return {}
    unseen = on_test(record)
    signs = {name: 1.0 if way == "max" else -1.0 for name, way in objectives.items()}
    gaps = {name: sign * (value(record, name) - value(unseen, name)) for name, sign in signs.items()}
    return {name: gap for name, gap in gaps.items() if math.isfinite(gap)}


def judged(front: Front) -> list[TrialRecord]:
    """The candidates that the test suite has judged: the front's in its order, then the control."""
    ordered = [front.candidates[index] for index in front.order]
    return [record for record in ordered if record.test]


def standing(records: Sequence[TrialRecord]) -> str:
    """A clause on what the trials were chosen by; empty without a trial that a suite judged."""
    if not any(record.setting("suite") for record in records):
        return ""
    if not any(record.setting("test_suite") for record in records):
        return OWN_TEST_SET
    return "" if any(record.test for record in records) else NOT_YET


def test_table(front: Front, baselines: Mapping[str, Mapping[str, Any]] | None = None) -> TextTable | None:
    """Each judged student: what it was chosen by, the same on the test suite, and the difference.

    None where nothing was judged.
    """
    records = judged(front)
    names = [name for name in front.objectives if any(name in record.test for record in records)]
    if not names:
        return None
    heads = ["trial"]
    for name in names:
        heads += [f"{describe.title(name)}, valid", "test", "optimism"]
    rows = [[record.key, *_cells(record, front.objectives, names)] for record in records]
    below = []
    for name, metrics in (baselines or {}).items():
        held = TrialRecord(
            name, -1, "complete", {}, {}, (dict(metrics),), test=dict(metrics.get("test") or {})
        )
        if any(each in held.metrics or each in held.test for each in names):
            below.append([name, *_cells(held, {}, names)])
    return TextTable(heads, rows, "l" + "r" * (len(heads) - 1), below)


def _cells(record: TrialRecord, objectives: Mapping[str, str], names: Sequence[str]) -> list[str]:
    found = optimism(record, objectives)
    cells = []
    for name in names:
        gap = found.get(name)
        cells += [
            describe.number(value(record, name)),
            describe.metric(on_test(record), name),
            describe.NOTHING if gap is None else f"{gap:+.3f}",
        ]
    return cells
