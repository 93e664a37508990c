"""What the conductor hands out: a trial to be trained, and what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kdray.config import Trial

Kind = Literal["started", "rung", "complete", "pruned", "failed", "retried"]


@dataclass(frozen=True)
class Job:
    """A trial to be trained.

    Attributes:
        key: `t0007`.
        trial: what to train.
        decided: the last rung that the study knows of; 0 for none.
        retries: how often its worker was lost before.
    """

    key: str
    trial: Trial
    decided: int
    retries: int


@dataclass(frozen=True)
class Event:
    """Something that happened to a trial, for whoever watches.

    Attributes:
        kind: what happened.
        key: the trial.
        finished: trials that are done, in any way.
        asked: trials that the sweep asks for.
        detail: `point` when it starts, `step` and `metrics` at a rung, `reason` at an end that is not
            complete.
    """

    kind: Kind
    key: str
    finished: int
    asked: int
    detail: Mapping[str, Any] = field(default_factory=dict)
