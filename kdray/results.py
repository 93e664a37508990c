"""An experiment folder as records; a reader only, without torch or Ray, also while the sweep runs.

    runs/<name>/sweep.yaml                  the sweep as resolved
    runs/<name>/study.journal               the Optuna study
    runs/<name>/trials/<key>/trial.yaml     the whole trial as trained
    runs/<name>/trials/<key>/results.jsonl  one JSON object per rung, appended
    runs/<name>/trials/<key>/state.json     written last: {"state": ..., "reason": ..., "seconds": ...}
    runs/<name>/trials/<key>/checkpoint/    the last rung's checkpoint
    runs/<name>/trials/<key>/student/       the trained student, a Hugging Face folder
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

State = Literal["running", "complete", "pruned", "failed"]


@dataclass(frozen=True)
class TrialRecord:
    """One trial of a sweep.

    Attributes:
        key: stable name, also of its folder: `t0007`.
        number: 7.
        state: `complete` only for a trial that reached the last rung.
        overrides: dotted path -> value, what the search chose.
        trial: the whole trial as plain data.
        rungs: the metrics of each rung reached, in order; each has `step`, every objective and `student_params`.
        reason: why it failed or was stopped, else "".
        seconds: wall time of its training and evaluation.
    """

    key: str
    number: int
    state: State
    overrides: dict[str, Any]
    trial: dict[str, Any]
    rungs: tuple[dict[str, Any], ...]
    reason: str = ""
    seconds: float = 0.0

    @property
    def metrics(self) -> dict[str, Any]:
        """The last rung's metrics; empty before the first."""
        return self.rungs[-1] if self.rungs else {}
