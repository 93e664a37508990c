"""An experiment folder as records; a reader only, without torch or Ray, also while the sweep runs.

    runs/<name>/sweep.yaml                  the sweep as resolved
    runs/<name>/study.journal               the Optuna study
    runs/<name>/references.json             optional: name -> metrics of what students are held against
    runs/<name>/front.html                  the report, written at the end
    runs/<name>/tensorboard/<key>/          the rungs for TensorBoard; not read here
    runs/<name>/trials/<key>/trial.yaml     the whole trial as trained, written first and atomically
    runs/<name>/trials/<key>/results.jsonl  one JSON object per rung, appended
    runs/<name>/trials/<key>/state.json     written last: {"state": ..., "reason": ..., "seconds": ...}
    runs/<name>/trials/<key>/cases.jsonl    optional: the worst metamorphic cases of the student, worst first
    runs/<name>/trials/<key>/test.json      optional: a rung's metrics of the student, on the test suite
    runs/<name>/trials/<key>/checkpoint/    the last rung's checkpoint
    runs/<name>/trials/<key>/student/       the trained student, a Hugging Face folder

Behind a URI the same, but for study.journal, a folder of pieces, and checkpoint-<rungs>-<id> (see `experiment`).

A running sweep is read as it stands: a trial without state.json runs, and only the last line of results.jsonl
may be cut short. Anything else that does not parse is damage, and damage is an error rather than a shorter
table. What the search chose is not stored twice: `overrides` are the values of the space's paths in
trial.yaml, as the space writes them, less those whose `when` does not hold. Not here: which trials are good
(`pareto`, `report`), and writing (`experiment`, `train`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeGuard, cast, get_args

from kdray import storage
from kdray.config import FastLoader, Sweep, chosen, parse, value_at, yaml_mapping
from kdray.config.metric_names import all_renamed
from kdray.errors import DataError

_READERS = 16
State = Literal["running", "complete", "pruned", "failed"]
TEST = "test.json"
_KEY = re.compile(r"^t(\d+)$")


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
        test: the student's metrics on the test suite, which nothing was chosen by; empty where it was not judged.
    """

    key: str
    number: int
    state: State
    overrides: dict[str, Any]
    trial: dict[str, Any]
    rungs: tuple[dict[str, Any], ...]
    reason: str = ""
    seconds: float = 0.0
    test: dict[str, Any] = field(default_factory=dict)

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


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether something recorded is a number, finite or not; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


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
    return parse(Sweep, _yaml(data, location), location)


def read_baselines(folder: str | Path) -> dict[str, dict[str, Any]]:
    """Name -> metrics from references.json.

    Empty where there is none. Raises `DataError` for another shape.
    """
    location = storage.join(folder, "references.json")
    data = _optional(location)
    if data is None:
        return {}
    baselines = _json(data, location)
    if not all(isinstance(metrics, dict) for metrics in baselines.values()):
        raise DataError(
            f"{location}: expected a name and its metrics, like {{'teacher': {{'assertion_accuracy': 0.2}}}}"
        )
    return baselines


def read_cases(folder: str | Path, key: str) -> list[dict[str, Any]]:
    """The worst metamorphic cases of one trial, worst first.

    Empty where none were kept. Raises `DataError` for damage.
    """
    location = storage.join(folder, "trials", key, "cases.jsonl")
    return _json_lines(_optional(location) or b"", location)


def _records(folder: str | Path, sweep: Sweep) -> list[TrialRecord]:
    trials = storage.join(folder, "trials")
    keys = [name for name in storage.list_folders(trials) if _KEY.match(name)]
    with ThreadPoolExecutor(_READERS if storage.is_uri(trials) else 1) as pool:
        records = list(pool.map(lambda key: _record(storage.join(trials, key), key, sweep), keys))
    return sorted((record for record in records if record is not None), key=lambda record: record.number)


def _record(location: str, key: str, sweep: Sweep) -> TrialRecord | None:
    """One trial; None while its folder is only being made."""
    # The state is read first: a trial that finishes between two reads then shows as running with all its
    # rungs, never as complete with one missing.
    state = _state(storage.join(location, "state.json"))
    results = storage.join(location, "results.jsonl")
    rungs = _rungs(_json_lines(_optional(results) or b"", results), results)
    path = storage.join(location, "trial.yaml")
    data = _optional(path)
    if data is None:
        if state["state"] == "running" and not rungs:
            return None
        raise DataError(f"{path}: no such file, though the trial has results")
    trial = _yaml(data, path)
    return TrialRecord(
        key=key,
        number=int(key[1:]),
        state=cast(State, state["state"]),
        overrides=chosen(trial, sweep.space),
        trial=trial,
        rungs=rungs,
        reason=str(state.get("reason") or ""),
        seconds=_seconds(state, rungs),
        test=_test(location) if state["state"] == "complete" and trial.get("test_suite") else {},
    )


def _test(location: str) -> dict[str, Any]:
    path = storage.join(location, TEST)
    data = _optional(path)
    return {} if data is None else _json(data, path)


def _state(location: str) -> dict[str, Any]:
    data = _optional(location)
    if data is None:
        return {"state": "running"}
    state = _json(data, location)
    if state.get("state") not in get_args(State):
        raise DataError(f"{location}: state is {state.get('state')!r}, known: {', '.join(get_args(State))}")
    return state


def _seconds(state: Mapping[str, Any], rungs: tuple[dict[str, Any], ...]) -> float:
    """The state's, or what the last rung of a running trial says."""
    value = state.get("seconds", rungs[-1].get("seconds") if rungs else None)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _rungs(lines: list[dict[str, Any]], location: str) -> tuple[dict[str, Any], ...]:
    """By step. A rung that was run again after a restart counts once, as it came out the last time."""
    for number, line in enumerate(lines, 1):
        if not isinstance(line.get("step"), int):
            raise DataError(f"{location}: line {number}: step is {line.get('step')!r}, not a whole number")
    by_step = {line["step"]: _rung(line) for line in lines}
    return tuple(by_step[step] for step in sorted(by_step))


def _rung(line: dict[str, Any]) -> dict[str, Any]:
    """Metrics, intervals and the table by transformation under the names of now."""
    rung = all_renamed(line)
    if isinstance(intervals := line.get("intervals"), dict):
        rung["intervals"] = all_renamed(intervals)
    if isinstance(relations := line.get("relations"), dict):
        rung["relations"] = {name: all_renamed(shares) for name, shares in relations.items()}
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


def _json(data: bytes, location: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise DataError(f"{location}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{location}: expected a JSON object, found {type(value).__name__}")
    return value


def _json_lines(data: bytes, location: str) -> list[dict[str, Any]]:
    """One object a line.

    What follows the last line end is being written and counts only if it is whole already.
    """
    *lines, rest = data.split(b"\n")
    whole = [
        _json(line, f"{location}: line {number}") for number, line in enumerate(lines, 1) if line.strip()
    ]
    try:
        last = json.loads(rest) if rest.strip() else None
    except ValueError:
        last = None
    return [*whole, last] if isinstance(last, dict) else whole


def _yaml(data: bytes, location: str) -> dict[str, Any]:
    # libyaml: a sweep of 5,000 trials is read in seconds, with the other loader in ten times as long.
    return yaml_mapping(data, location, loader=FastLoader, error=DataError)
