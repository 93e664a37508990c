"""Trials as JSON, LaTeX and Markdown: for scripts, papers and model cards.

JSON carries every trial and every recorded number, unrounded; LaTeX and Markdown the front, as the terminal
shows it. Not here: CSV (`csv_table`), which is also read again.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kdray.console import printable
from kdray.report import confirmed, describe
from kdray.report.front import Front, interval, metric_names
from kdray.report.on_runs import runs_table
from kdray.report.on_test import on_test, optimism, test_table
from kdray.report.paired.reading import reading
from kdray.report.paired.ties import ties
from kdray.report.text_table import pipe_table
from kdray.results import TrialRecord

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    describe.NOTHING: "--",
}
_LATEX |= {sign: "\\" + sign for sign in "&%$#_{}"}


def rows(front: Front, records: Sequence[TrialRecord]) -> list[dict[str, Any]]:
    """Each trial flat: key, state, whether on the front, overrides, every metric and its interval's ends; as
    `test.` and a metric's name what the test suite says, as `optimism.` and an objective's how much it was better.
    """
    index = {candidate.key: at for at, candidate in enumerate(front.candidates)}
    return [_row(front, record, index.get(record.key)) for record in records]


def _row(front: Front, record: TrialRecord, index: int | None) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "trial": record.key,
        "state": record.state,
        "front": bool(index is not None and front.mask_P[index]),
        "rank": int(front.rank_P[index]) if index is not None else None,
        "knee": index is not None and index == front.knee,
        "front_probability": float(front.probability[index]) if index is not None else None,
        "step": record.metrics.get("step"),
        "seconds": record.seconds,
        **({"confirms": record.confirms} if record.confirms else {}),
        **record.overrides,
    }
    measured = {name: number for name, number in numbers(record).items() if name not in flat}
    unseen = {f"test.{name}": number for name, number in numbers(on_test(record)).items()}
    gaps = {f"optimism.{name}": gap for name, gap in optimism(record, front.objectives).items()}
    return {
        **flat,
        **measured,
        **unseen,
        **gaps,
        "architecture": describe.architecture(record),
        "reason": record.reason,
    }


def numbers(record: TrialRecord) -> dict[str, float]:
    """Every metric of the last rung, and as `_low` and `_high` the ends of its 95 % interval."""
    flat: dict[str, float] = {}
    for name in metric_names([record]):
        flat[name] = record.metrics[name]
        low, high = interval(record, name)
        if not math.isnan(low):
            flat |= {f"{name}_low": low, f"{name}_high": high}
    return flat


def summary(
    front: Front,
    records: Sequence[TrialRecord],
    baselines: Mapping[str, Mapping[str, Any]] | None = None,
    history: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Any]:
    """The sweep as JSON-able data: counts, objectives, reference point, hypervolume, front and every trial.

    `history` is the hypervolume over trials and device seconds (`payload.history`), where it is wanted.

    A value that is not finite is null, so that any JSON reader takes it.
    """
    states = Counter(record.state for record in records)
    data: dict[str, Any] = plain(
        {
            "trials": {state: states[state] for state in ("complete", "pruned", "failed", "running")},
            "objectives": front.objectives,
            "reference_point": front.reference,
            "hypervolume": front.hypervolume,
            **({"history": history} if history else {}),
            "front": [record.key for record in front.members],
            "knee": front.candidates[front.knee].key if front.knee is not None else None,
            "references": baselines or {},
            "ties": ties(front).letters,
            "differences": {
                "suite": [pair.as_dict() for pair in ties(front).pairs],
                "test_suite": [pair.as_dict() for pair in ties(front, test=True).pairs],
            },
            "reading": reading(front),
            "confirmed": confirmed.as_dict(front),
            "rows": rows(front, records),
        }
    )
    return data


def to_json(
    front: Front,
    records: Sequence[TrialRecord],
    baselines: Mapping[str, Mapping[str, Any]] | None = None,
    history: Mapping[str, Sequence[float]] | None = None,
) -> str:
    """`summary` as text."""
    return json.dumps(summary(front, records, baselines, history), indent=1, allow_nan=False) + "\n"


def plain(data: Any) -> Any:
    """The same as dictionaries, lists and finite numbers; null for a number that is not finite."""
    if isinstance(data, Mapping):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def _cells(front: Front, baselines: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Headings and the front's rows as text, then the baselines'."""
    more = [name for name in ("student_params", "agreement") if name not in front.objectives]
    heads = ["trial", *front.objectives, *more, "alpha", "T", "student"]
    body = []
    for record in front.members:
        alpha, temperature = (record.setting(path) for path in (describe.ALPHA, describe.TEMPERATURE))
        shown = [describe.metric(record, name) for name in (*front.objectives, *more)]
        body.append(
            [
                record.key,
                *shown,
                describe.number(alpha, 2),
                describe.number(temperature, 2),
                describe.architecture(record),
            ]
        )
    for name, metrics in baselines.items():
        record = TrialRecord(name, -1, "complete", {}, {}, (dict(metrics),))
        if not any(metric in metrics for metric in (*front.objectives, *more)):
            continue  # told on the test suite alone
        body.append(
            [
                name,
                *(describe.metric(record, metric) for metric in (*front.objectives, *more)),
                describe.NOTHING,
                describe.NOTHING,
                "",
            ]
        )
    return [describe.title(head) for head in heads], body


def to_markdown(front: Front, baselines: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """The front as a pipe table."""
    heads, body = _cells(front, baselines or {})
    text = pipe_table(heads, body, "l" + "r" * (len(heads) - 2) + "l")
    below = [confirmed.confirmed_table(front), test_table(front, baselines), runs_table(front, baselines)]
    return "\n".join([text, *(table.to_markdown() for table in below if table)])


def to_latex(front: Front, baselines: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """The front as a booktabs table; every sign that LaTeX would read is escaped."""
    heads, body = _cells(front, baselines or {})

    def line(cells: Sequence[str]) -> str:
        flat = (printable(" ".join(cell.split())) for cell in cells)
        return " & ".join("".join(_LATEX.get(sign, sign) for sign in cell) for cell in flat) + r" \\"

    students, others = body[: len(front.members)], body[len(front.members) :]
    lines = [
        r"\begin{tabular}{l" + "r" * (len(heads) - 2) + "l}",
        r"\toprule",
        line(heads),
        r"\midrule",
        *map(line, students),
    ]
    lines += [r"\midrule", *map(line, others)] if others else []
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"
