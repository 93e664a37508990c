"""What the page knows: one JSON-able value, by column, short enough for thousands of trials.

Numbers are rounded to six digits. A setting that all trials share is written once; only what varies is a
column. Cases of failure are kept for the front alone. Not here: how it looks (`page/`) and how it gets into a
file (`html`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

from kdray import pareto
from kdray.config import Range, Sweep, flat, is_whole
from kdray.recorded import is_number
from kdray.report import describe
from kdray.report.confirmed import said
from kdray.report.effects import LEAST_TRIALS
from kdray.report.front import Front, complete, interval, metric_names, value
from kdray.report.on_test import on_test, optimism, standing
from kdray.report.paired.reading import reading
from kdray.report.paired.ties import ties
from kdray.report.student_data import loss_curves, right_cases, shared_cases
from kdray.results import Experiment, TrialRecord

STATES = ("complete", "pruned", "failed", "running")
# The way that is better, for metrics that are no objective, by a word of their name; ours.
_MIN = frozenset(
    "discrepancy violating violated loss params bytes flops gflops latency memory seconds ece drop flips "  # noqa: SIM905
    "gap".split()
)
_MAX = frozenset(("accuracy", "agreement", "exact", "f1", "bleu", "fidelity"))
MOST_STUDENTS = 40  # whose relations and cases are kept
MANY = 500  # trials; of more, intervals of the objectives and of the agreement only


def payload(
    experiment: Experiment,
    front: Front,
    *,
    effects: Sequence[Mapping[str, Any]] = (),
    importance: Sequence[Mapping[str, Any]] = (),
    cases: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    note: str = "",
    about: Sequence[Sequence[str]] = (),
    links: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole page's data.

    Args:
        experiment: the folder as read.
        front: the candidates and the front over the page's objectives.
        effects: main effects, as `effects.main_effects` gives them.
        importance: as `importance_shares.importance` gives it.
        cases: trial key -> its worst metamorphic cases.
        note: a sentence for the head of the page.
        about: name and text of what the head says of the sweep.
        links: see `about.links`.
    """
    records = experiment.records
    place = {record.key: index for index, record in enumerate(records)}
    trials = [flat(record.trial) for record in records]
    varying = _varying(trials, experiment.sweep)
    settings = {path: [_scalar(trial.get(path)) for trial in trials] for path in varying}
    names = _names(records, front)
    members = front.members[:MOST_STUDENTS]
    data = {
        "name": experiment.sweep.name,
        "note": ". ".join(filter(None, (note, said(front), standing(records)))),
        "about": about,
        "links": links or {"base": None, "logs": []},
        "objectives": [{"name": name, "direction": way} for name, way in front.objectives.items()],
        "directions": {name: way for name in names if (way := front.objectives.get(name) or direction(name))},
        "definitions": describe.DEFINITIONS,
        "settings": [_setting(path, column, experiment.sweep) for path, column in settings.items()],
        "common": _common(trials, varying),
        "references": _baselines(experiment, names),
        "reference": front.reference,
        "hypervolume": front.hypervolume,
        "front": [place[record.key] for record in front.members],
        "knee": place[front.candidates[front.knee].key] if front.knee is not None else None,
        "devices": _devices(experiment.sweep),
        "trials": {
            **_columns(records, names, front),
            **_standing(records, front),
            "settings": settings,
        },
        "test": {place[record.key]: _on_test(record, names, front) for record in records if record.test},
        **_told_apart(front, place),
        "rungs": _rungs(records, list(front.objectives)),
        "losses": loss_curves(records, members),
        "history": history(experiment, front),
        "least_trials": LEAST_TRIALS,
        "effects": list(effects),
        "importance": list(importance),
        "cases": shared_cases({place[key]: rows for key, rows in (cases or {}).items() if rows}),
        "right": {place[r.key]: right for r in shown(front) if (right := right_cases(r))},
        "relations": {place[r.key]: r.metrics["relations"] for r in members if r.metrics.get("relations")},
    }
    return _short(data)  # type: ignore[no-any-return]


def shown(front: Front) -> list[TrialRecord]:
    """The students whose cases are kept: the front's, then those nearest behind it."""
    others = sorted((n for n, on in enumerate(front.mask_P) if not on), key=lambda n: int(front.rank_P[n]))
    return [*front.members, *(front.candidates[n] for n in others)][:MOST_STUDENTS]


def _names(records: Sequence[TrialRecord], front: Front) -> list[str]:
    """The students' metrics, objectives first; what a trial says of its teacher is not the student's."""
    recorded = [name for name in metric_names(records) if not name.startswith("teacher_")]
    return list(dict.fromkeys([*front.objectives, *recorded]))


def _columns(records: Sequence[TrialRecord], names: Sequence[str], front: Front) -> dict[str, Any]:
    """What each trial is and what it measured."""
    with_ends = names if len(records) <= MANY else [*front.objectives, "agreement"]
    return {
        "number": [record.number for record in records],
        "state": [STATES.index(record.state) for record in records],
        "seconds": [record.seconds for record in records],
        "reason": {index: said for index, record in enumerate(records) if (said := _reason(record))},
        "metrics": {name: [value(record, name) for record in records] for name in names},
        "low": _ends(records, with_ends, 0),
        "high": _ends(records, with_ends, 1),
    }


def _reason(record: TrialRecord) -> str:
    """Why it ended early, or why it is there at all."""
    again = f"trains {record.confirms} again with seed {record.setting('seed')}" if record.confirms else ""
    return ": ".join(filter(None, (again, record.reason)))


def _on_test(record: TrialRecord, names: Sequence[str], front: Front) -> dict[str, Any]:
    """Metric -> value and the ends of its interval on the test suite, and how much better it was where chosen."""
    unseen = on_test(record)
    return {
        "metrics": {n: [value(unseen, n), *interval(unseen, n)] for n in names if n in record.test},
        "optimism": optimism(record, front.objectives),
    }


def _told_apart(front: Front, place: Mapping[str, int]) -> dict[str, Any]:
    """Letters of the students that were compared, each one's difference from the control or else from the knee,
    and a sentence; of the test suite where several were judged by it.
    """
    chosen, unseen = ties(front), ties(front, test=True)
    shown = unseen if len(unseen.keys) > 1 else chosen
    knee = front.candidates[front.knee].key if front.knee is not None else None
    base = shown.control or (knee if knee in shown.keys else None)
    pairs = [
        shown.between(key, base, metric)
        for metric in front.objectives
        for key in shown.keys
        if base is not None and key != base
    ]
    rows = [
        {"trial": place[p.one], "metric": p.metric, "sure": p.sure, "at": list(astuple(p.difference)[:3])}
        for p in pairs
        if p is not None
    ]
    return {
        "ties": {place[key]: letters for key, letters in chosen.letters.items()},
        "differences": {"from": None if base is None else place[base], "test": shown.test, "rows": rows},
        "reading": reading(front),
    }


def _standing(records: Sequence[TrialRecord], front: Front) -> dict[str, Any]:
    """Rank and probability of the front, null for a trial that is no candidate."""
    number = {record.key: n for n, record in enumerate(front.candidates)}
    at = [number.get(record.key) for record in records]
    return {
        "rank": [None if n is None else int(front.rank_P[n]) for n in at],
        "probability": [None if n is None else float(front.probability[n]) for n in at],
    }


def direction(name: str) -> str | None:
    """The way that is better, by the name of the metric; None where it says nothing. Ours."""
    words = set(name.split("_"))
    return "min" if words & _MIN else "max" if words & _MAX else None


def history(experiment: Experiment, front: Front) -> dict[str, list[float]]:
    """The hypervolume after each candidate: its number, and the device seconds of all trials up to it.

    Trials count in the order in which they were begun, each with its seconds times its devices (ours: what
    one device after the other would have taken; the wall time of a sweep that runs several at once is
    shorter).
    """
    if not front.reference:
        return {"trial": [], "seconds": [], "volume": []}
    volumes = pareto.history(front.values_PM, front.directions, list(front.reference.values()))
    devices, clock, spent = _devices(experiment.sweep), 0.0, {}
    for record in experiment.records:
        clock += record.seconds * devices
        spent[record.key] = clock
    return {
        "trial": [record.number for record in front.candidates],
        "seconds": [spent[record.key] for record in front.candidates],
        "volume": volumes.tolist(),
    }


def _devices(sweep: Sweep) -> float:
    """Devices of one trial: GPUs where it has some, else workers."""
    return sweep.resources.workers * max(1.0, sweep.resources.gpus_per_worker)


def _varying(trials: Sequence[Mapping[str, Any]], sweep: Sweep) -> list[str]:
    """The space's paths first, then whatever else differs between trials."""
    paths = list(dict.fromkeys(path for trial in trials for path in trial))
    differ = [path for path in paths if any(trial.get(path) != trials[0].get(path) for trial in trials)]
    return [path for path in sweep.space if path in differ] + [
        path for path in differ if path not in sweep.space
    ]


def _common(trials: Sequence[Mapping[str, Any]], varying: Sequence[str]) -> dict[str, Any]:
    return {path: value for path, value in trials[0].items() if path not in varying} if trials else {}


def _setting(path: str, column: Sequence[Any], sweep: Sweep) -> dict[str, Any]:
    """An axis: `levels` in order where values are few or no numbers, else None."""
    spec = sweep.space.get(path)
    continuous = isinstance(spec, Range) and not is_whole(sweep, path, spec)
    distinct = list(dict.fromkeys(value for value in column if value is not None))
    numeric = all(is_number(value) for value in distinct)
    few = not numeric or (len(distinct) <= 6 and not continuous)
    levels = sorted(distinct, key=None if numeric else str) if few else None
    return {"path": path, "log": isinstance(spec, Range) and spec.log, "levels": levels}


def _scalar(setting: Any) -> Any:
    return str(setting) if isinstance(setting, (list, dict)) else setting


def _baselines(experiment: Experiment, names: Sequence[str]) -> list[dict[str, Any]]:
    """Name and numbers; the teacher's also from what the trials say of it (`teacher_ece` beside `ece`)."""
    baselines = []
    for name, metrics in experiment.baselines.items():
        numbers = {metric: number for metric, number in metrics.items() if isinstance(number, (int, float))}
        if name == "teacher" and (done := complete(experiment.records)):
            by_trial = {metric: value(done[-1], f"teacher_{metric}") for metric in names}
            numbers = {
                metric: number for metric, number in by_trial.items() if math.isfinite(number)
            } | numbers
        if numbers:  # others are told on the test suite alone
            baselines.append({"name": name, "metrics": numbers})
    return baselines


def _ends(records: Sequence[TrialRecord], names: Sequence[str], which: int) -> dict[str, list[float]]:
    columns = {name: [interval(record, name)[which] for record in records] for name in names}
    return {name: column for name, column in columns.items() if not all(map(math.isnan, column))}


def _rungs(records: Sequence[TrialRecord], objectives: Sequence[str]) -> dict[str, Any]:
    steps = sorted({rung["step"] for record in records for rung in record.rungs})
    if not steps:
        return {"steps": [], "values": {}}

    def curve(record: TrialRecord, name: str) -> list[Any]:
        at = {rung["step"]: rung.get(name) for rung in record.rungs}
        reached = [at.get(step) for step in steps]
        while reached and reached[-1] is None:
            reached.pop()
        return reached

    return {
        "steps": steps,
        "values": {name: [curve(record, name) for record in records] for name in objectives},
    }


def _short(data: Any) -> Any:
    """Six digits are more than any figure has; what is not finite is null; keys are text."""
    if isinstance(data, float):
        if not math.isfinite(data):
            return None
        return int(data) if data == int(data) and abs(data) < 1e15 else float(f"{data:.6g}")
    if isinstance(data, Mapping):
        return {str(key): _short(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_short(value) for value in data]
    return data if data is None or isinstance(data, (str, int, bool)) else str(data)
