"""The lines of a study's journal, as far as they are sound.

A line that a kill cut short is the last one and is dropped. One in the middle is damage: it is said and left out,
the rest is used. Trials are numbered by the lines that begin them, so where such a line is lost, which the key of
the next trial tells, a failed one without a key stands in its place: or each later result were another trial's.
"""

from __future__ import annotations

import json
from typing import Any

from optuna.trial import TrialState

from kdray.experiment.job import is_key

_CREATE_TRIAL, _LAST_OPERATION = 4, 9
_NOTHING: dict[str, Any] = {
    "state": int(TrialState.FAIL),
    "value": None,
    "values": None,
    "params": {},
    "distributions": {},
    "user_attrs": {},
    "system_attrs": {},
    "intermediate_values": {},
}


def sound_lines(data: bytes) -> tuple[bytes, list[int]]:
    """The journal of its sound lines, and the numbers of those that were left out before the last one."""
    *lines, _ = data.split(b"\n")  # the last piece is what a kill cut short
    if lines and _operation(lines[-1]) is None:
        lines.pop()
    kept: list[bytes] = []
    bad: list[int] = []
    trials = 0
    for number, line in enumerate(lines, 1):
        operation = _operation(line)
        if operation is None:
            bad.append(number)
            continue
        if operation["op_code"] == _CREATE_TRIAL:
            for _ in range(_lost(operation, trials) if bad else 0):
                begun = operation.get("datetime_start")
                lost = operation | _NOTHING | {"datetime_complete": begun}
                kept.append(json.dumps(lost, separators=(",", ":")).encode())
                trials += 1
            trials += 1
        kept.append(line)
    return b"".join(line + b"\n" for line in kept), bad


def _lost(operation: dict[str, Any], trials: int) -> int:
    """How many trials before this one have no line; no more than a journal may have lost."""
    attributes = operation.get("user_attrs")
    key = str(attributes.get("key", "")) if isinstance(attributes, dict) else ""
    return min(max(int(key[1:]) - trials, 0), 100_000) if is_key(key) else 0


def _operation(line: bytes) -> dict[str, Any] | None:
    try:
        operation = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(operation, dict) or not isinstance(operation.get("worker_id"), str):
        return None
    code = operation.get("op_code")
    return operation if isinstance(code, int) and 0 <= code <= _LAST_OPERATION else None
