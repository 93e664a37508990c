"""The front in the terminal: a rich table, and a line that says what it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kdray.report import describe
from kdray.report.confirmed import said
from kdray.report.front import Front, value
from kdray.report.on_test import standing
from kdray.report.paired.ties import ties
from kdray.results import State, TrialRecord

if TYPE_CHECKING:
    from rich.table import Table

ON_FRONT, KNEE = "●", "◆"
STATES: tuple[State, ...] = ("complete", "pruned", "failed", "running")


def front_table(
    front: Front,
    baselines: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    rows: int | None = 12,
    everything: bool = True,
) -> Table:
    """The candidates by rank, best in the first objective first, then what they are held against. Students that
    share a letter under `tie` cannot be told apart (`paired`).

    Args:
        front: the candidates of a sweep.
        baselines: name -> metrics of the teacher and of what needs no learning, shown below a rule.
        rows: at most so many candidates, but never less than the whole front; None for all.
        everything: False shows the front only.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("trial")
    for name in _metrics(front):
        # A word a line: headings are longer than the numbers below them.
        heading = describe.title(name).removeprefix("student ").replace(" ", "\n")
        table.add_column(Text(heading + _arrow(front.objectives.get(name))), justify="right")
    told = ties(front).letters
    if len(told) > 1:
        table.add_column("tie")
    table.add_column("alpha", justify="right")
    table.add_column("T", justify="right")
    table.add_column("student", no_wrap=True)
    chosen = [index for index in front.order if everything or front.mask_P[index] or index == front.knee]
    limit = len(chosen) if rows is None else max(rows, int(front.mask_P.sum()))
    listed = chosen[:limit]
    if front.knee is not None and front.knee not in listed:
        listed[-1] = front.knee
    for index in listed:
        glyph = KNEE if index == front.knee else ON_FRONT if front.mask_P[index] else " "
        cells = _cells(front, front.candidates[index], glyph, told)
        # Text, not str: a name with square brackets is no markup.
        table.add_row(*map(Text, cells), style="bold" if front.mask_P[index] else "dim")
    table.add_section()
    for name, metrics in (baselines or {}).items():
        if not any(each in metrics for each in _metrics(front)):
            continue  # told on the test suite alone
        record = TrialRecord(name, -1, "complete", {}, {}, (dict(metrics),))
        table.add_row(*map(Text, _cells(front, record, " ", told)), style="italic")
    return table


def _arrow(direction: str | None) -> str:
    return {"max": " ↑", "min": " ↓", None: ""}[direction]


def _metrics(front: Front) -> list[str]:
    return list(dict.fromkeys([*front.objectives, "student_params", "agreement"]))


def _cells(front: Front, record: TrialRecord, glyph: str, told: Mapping[str, str]) -> list[str]:
    metrics = [
        describe.metric(record, name)
        if name in front.objectives or name == "student_params"
        else describe.number(value(record, name))
        for name in _metrics(front)
    ]
    settings = [record.setting(path) for path in (describe.ALPHA, describe.TEMPERATURE)]
    numbers = [describe.number(setting, 2) for setting in settings]
    tie = [told.get(record.key, "")] if len(told) > 1 else []
    return [f"{glyph} {record.key}", *metrics, *tie, *numbers, describe.architecture(record)]


def caption(front: Front, records: Sequence[TrialRecord]) -> str:
    """What the table shows in a line.

    `48 trials: 30 complete, 14 pruned, 4 failed; 5 on the front (●, knee ◆); hypervolume 0.182 up to (...)`.
    """
    states = Counter(record.state for record in records)
    counted = ", ".join(f"{states[state]} {state}" for state in STATES if states[state])
    if again := sum(bool(record.confirms) for record in records):
        counted += f" ({again} of them train others again)"
    parts = [f"{len(records)} trials: {counted}" if records else "no trial yet"]
    parts.append(f"{int(front.mask_P.sum())} on the front ({ON_FRONT}, knee {KNEE})")
    if front.reference:
        point = [f"{describe.title(name)} {describe.number(at)}" for name, at in front.reference.items()]
        parts.append(f"hypervolume {describe.number(front.hypervolume, 4)} up to {', '.join(point)}")
    parts += filter(None, (said(front), standing(records)))
    return "; ".join(parts)
