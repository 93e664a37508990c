"""An experiment folder as records; a reader only, without torch or Ray, also while the sweep runs.

    runs/<name>/sweep.yaml                  the sweep as resolved
    runs/<name>/study.journal               the Optuna study
    runs/<name>/references.json             optional: name -> metrics of what students are held against
    runs/<name>/front.html                  the report, written at the end
    runs/<name>/tensorboard/<key>/          the rungs for TensorBoard; not read here
    runs/<name>/log.txt                     what was said while it ran; not read here, like the trials'
    runs/<name>/trials/<key>/log.txt        what the trial said
    runs/<name>/trials/<key>/trial.yaml     the whole trial as trained, written first and atomically
    runs/<name>/trials/<key>/results.jsonl  one JSON object per rung, appended
    runs/<name>/trials/<key>/state.json     written last: {"state": ..., "reason": ..., "seconds": ...}
    runs/<name>/trials/<key>/cases.jsonl    optional: the worst metamorphic cases of the student, worst first
    runs/<name>/trials/<key>/test.json      optional: a rung's metrics of the student, on the test suite
    runs/<name>/trials/<key>/checkpoint/    the last rung's checkpoint
    runs/<name>/trials/<key>/student/       the trained student, a Hugging Face folder

Behind a URI the same, but for study.journal, a folder of pieces, and checkpoint-<rungs>-<id> (see `experiment`).

A running sweep is read as it stands: a trial without state.json runs, and the last line of results.jsonl may be
cut short. What else does not parse is damage: of a line or a number in results it is said and the rest is used
(`recorded`), of a whole file it is an error rather than a shorter table. What the search chose is not stored
twice: `overrides` are the values of the space's paths in trial.yaml, as the space writes them, less those whose
`when` does not hold. Not here: which trials are good (`pareto`, `report`), and writing (`experiment`, `train`).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

from kdray import storage
from kdray.config import Sweep, Trial, chosen, parse, value_at, yaml_mapping
from kdray.config.metric_names import all_renamed
from kdray.errors import ConfigError, DataError
from kdray.recorded import MOST_STEPS, is_finite, json_lines, json_object, sound

log = logging.getLogger(__name__)

_READERS = 16
State = Literal["running", "complete", "pruned", "failed"]
MADE_BY = "trial"
"""Key of results and states: the fingerprint of the trial that made them (`experiment.trial_fingerprint`)."""
TEST = "test.json"
SHOWN = ("student_params", "student_bytes", "agreement", "train_loss", "latency_ms", "seconds")
"""Metrics that tables show as numbers, whatever the objectives are."""
_KEY = re.compile(r"t[0-9]{4,18}")


@dataclass(frozen=True)
class TrialRecord:
    """One trial of a sweep.

    Attributes:
        key: stable name, also of its folder: `t0007`.
        number: 7.
        state: `complete` only for a trial that reached the last rung.
        overrides: dotted path -> value, what the search chose.
        trial: the whole trial as plain data.
        rungs: the metrics of each rung reached, in order; each has `step`, every objective and
            `student_params`.
        reason: why it failed or was stopped, else "".
        seconds: wall time of its training and evaluation.
        fingerprint: of its settings and of what it read (`experiment.trial_fingerprint`); "" where an older kdray
            trained it.
        test: the student's metrics on the test suite, which nothing was chosen by; empty where it was not judged.
        confirms: the key of the trial whose settings it has with another seed (`search.confirm`); "" for a trial
            that the search chose.
    """

    key: str
    number: int
    state: State
    overrides: dict[str, Any]
    trial: dict[str, Any]
    rungs: tuple[dict[str, Any], ...]
    reason: str = ""
    seconds: float = 0.0
    fingerprint: str = ""
    test: dict[str, Any] = field(default_factory=dict)
    confirms: str = ""

    @property
    def metrics(self) -> dict[str, Any]:
        """The last rung's metrics; empty before the first."""
        return self.rungs[-1] if self.rungs else {}

    @property
    def step(self) -> int:
        """The last rung reached; 0 before the first."""
        return int(self.metrics.get("step", 0))

    def setting(self, path: str) -> Any:
        """The value at a dotted path of the trial; None where there is none (another family's field)."""
        return value_at(self.trial, path)


@dataclass(frozen=True)
class Experiment:
    """A whole experiment folder.

    Attributes:
        folder: where it was read, a path or URI.
        sweep: the sweep as resolved.
        records: every trial, by number.
        baselines: name -> metrics of what the students are held against, the teacher first; may be empty.
    """

    folder: str
    sweep: Sweep
    records: list[TrialRecord]
    baselines: dict[str, dict[str, Any]] = field(default_factory=dict)


def read(folder: str | Path) -> list[TrialRecord]:
    """Every trial of an experiment folder, by number, also while the sweep runs.

    Raises:
        DataError: no experiment there, or a damaged file, in one line that names it.
        ConfigError: a sweep.yaml that is not a sweep.
    """
    return _records(folder, read_sweep(folder))


def experiment(folder: str | Path) -> Experiment:
    """The folder's sweep, trials and baselines. Raises what `read` raises."""
    sweep = read_sweep(folder)
    return Experiment(str(folder), sweep, _records(folder, sweep), read_baselines(folder))


def read_sweep(folder: str | Path) -> Sweep:
    """The sweep as it was resolved at its start; its corners were validated then and are not again.

    Raises:
        DataError: no sweep.yaml there, so no experiment.
        ConfigError: a sweep.yaml that is not a sweep.
    """
    location = storage.join(folder, "sweep.yaml")
    data = _optional(location)
    if data is None:
        raise DataError(f"{folder}: not an experiment folder (it has no sweep.yaml)")
    sweep = _yaml(data, location)
    search = sweep.setdefault("search", {})
    if isinstance(search, dict):
        search.setdefault("confirm", None)  # begun before there was such a thing: no trial unasked
    return parse(Sweep, sweep, location)


def read_baselines(folder: str | Path) -> dict[str, dict[str, Any]]:
    """Name -> metrics from references.json.

    Empty where there is none. Raises `DataError` for another shape.
    """
    location = storage.join(folder, "references.json")
    data = _optional(location)
    if data is None:
        return {}
    baselines = json_object(data, location)
    if not all(isinstance(metrics, dict) for metrics in baselines.values()):
        raise DataError(
            f"{location}: expected a name and its metrics, like {{'teacher': {{'assertion_accuracy': 0.2}}}}"
        )
    measured = set(read_sweep(folder).objectives)
    return {name: sound(metrics, f"{location}: {name}", measured) for name, metrics in baselines.items()}


def read_cases(folder: str | Path, key: str) -> list[dict[str, Any]]:
    """The worst metamorphic cases of one trial, worst first.

    Empty where none were kept. What is damaged is left out and said.
    """
    location = storage.join(folder, "trials", key, "cases.jsonl")
    cases = []
    for where, case in json_lines(_optional(location) or b"", location):
        if all(
            isinstance(value, str) or (is_finite(value) and name == "severity")
            for name, value in case.items()
        ):
            cases.append(case)
        else:
            log.warning("%s: no case: left out", where)
    return cases


def _records(folder: str | Path, sweep: Sweep) -> list[TrialRecord]:
    trials = storage.join(folder, "trials")
    keys = [name for name in storage.list_folders(trials) if _KEY.fullmatch(name)]
    with ThreadPoolExecutor(_READERS if storage.is_uri(trials) else 1) as pool:
        records = list(pool.map(lambda key: _record(storage.join(trials, key), key, sweep), keys))
    return _confirming(sorted(filter(None, records), key=lambda record: record.number), sweep)


def _confirming(records: list[TrialRecord], sweep: Sweep) -> list[TrialRecord]:
    """The same, those with another seed than the sweep's as what they are: the search never chooses a seed that
    is not in its space.
    """
    if "seed" in sweep.space:
        return records
    first, told = dict[str, str](), list[TrialRecord]()
    for record in records:
        point = json.dumps(record.overrides, sort_keys=True, default=str)
        if record.trial.get("seed", sweep.trial.seed) == sweep.trial.seed:
            first.setdefault(point, record.key)
            told.append(record)
        else:
            told.append(replace(record, confirms=first.get(point, "")))
    return told


def _record(location: str, key: str, sweep: Sweep) -> TrialRecord | None:
    """One trial; None while its folder is only being made."""
    # The state is read first: a trial that finishes between two reads then shows as running with all its
    # rungs, never as complete with one missing.
    state = _state(storage.join(location, "state.json"))
    results = storage.join(location, "results.jsonl")
    lines = list(json_lines(_optional(results) or b"", results))
    fingerprint = str(state.get(MADE_BY, lines[-1][1].get(MADE_BY, "") if lines else ""))
    rungs = _rungs(lines, fingerprint, sweep.objectives)
    path = storage.join(location, "trial.yaml")
    data = _optional(path)
    if data is None:
        if state["state"] == "running" and not rungs:
            return None
        raise DataError(f"{path}: no such file, though the trial has results")
    trial = _yaml(data, path)
    try:
        parse(Trial, trial, path)
    except ConfigError as error:
        raise DataError(str(error)) from None
    return TrialRecord(
        key=key,
        number=int(key[1:]),
        state=cast(State, state["state"]),
        overrides=chosen(trial, sweep.space),
        trial=trial,
        rungs=rungs,
        reason=str(state.get("reason") or ""),
        seconds=_seconds(state, rungs),
        fingerprint=fingerprint,
        test=_test(location, fingerprint) if state["state"] == "complete" and trial.get("test_suite") else {},
    )


def _test(location: str, fingerprint: str) -> dict[str, Any]:
    """Empty where the student was not judged, or another trial's was."""
    path = storage.join(location, TEST)
    data = _optional(path)
    test = {} if data is None else json_object(data, path)
    if test.pop(MADE_BY, fingerprint) != fingerprint:
        log.warning("%s: another trial's: left out", path)
        return {}
    return sound(test, path)


def _state(location: str) -> dict[str, Any]:
    data = _optional(location)
    if data is None:
        return {"state": "running"}
    state = json_object(data, location)
    if state.get("state") not in get_args(State):
        raise DataError(f"{location}: state is {state.get('state')!r}, known: {', '.join(get_args(State))}")
    return state


def _seconds(state: Mapping[str, Any], rungs: tuple[dict[str, Any], ...]) -> float:
    """The state's, or what the last rung of a running trial says."""
    value = state.get("seconds", rungs[-1].get("seconds") if rungs else None)
    return float(value) if is_finite(value) and value >= 0 else 0.0


def _rungs(
    lines: list[tuple[str, dict[str, Any]]], fingerprint: str, objectives: Collection[str]
) -> tuple[dict[str, Any], ...]:
    """By step, of this trial. A rung that was run again after a restart counts once, as it came out the last
    time.
    """
    by_step = {}
    for where, line in lines:
        step = line.get("step")
        if line.pop(MADE_BY, fingerprint) != fingerprint:
            log.warning("%s: another trial's: left out", where)
        elif not isinstance(step, int) or isinstance(step, bool) or not 0 <= step < MOST_STEPS:
            log.warning("%s: step is %.60s, not a whole number: left out", where, repr(step))
        else:
            texts = [name for name in SHOWN if isinstance(line.get(name), str)]
            by_step[step] = sound(_renamed(line), where, {*objectives, *texts})
    return tuple(by_step[step] for step in sorted(by_step))


def _renamed(line: dict[str, Any]) -> dict[str, Any]:
    """Metrics, intervals and the table by transformation under the names of now."""
    rung = all_renamed(line)
    if isinstance(intervals := line.get("intervals"), dict):
        rung["intervals"] = all_renamed(intervals)
    if isinstance(relations := line.get("relations"), dict):
        rung["relations"] = {
            name: all_renamed(shares) for name, shares in relations.items() if isinstance(shares, dict)
        }
    return rung


def _optional(location: str) -> bytes | None:
    """The file, or None where there is none."""
    try:
        return storage.read_bytes(location)
    except DataError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    except OSError as error:
        raise DataError(f"{location}: {error.strerror or error}") from error


def _yaml(data: bytes, location: str) -> dict[str, Any]:
    return yaml_mapping(data, location, error=DataError)
