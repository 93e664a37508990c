"""What happens to the trials of a sweep, for whoever watches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["started", "rung", "complete", "pruned", "failed", "retried"]


@dataclass(frozen=True)
class Event:
    """Something that happened to a trial.

    Attributes:
        kind: what happened.
        key: the trial.
        finished: trials that are done, in any way.
        asked: trials that the sweep asks for.
        detail: `point` and `resumed_from` when it starts (and where it trains another's settings again `confirms`,
            that one's key, and its `seed`), `step`, `metrics` and `goes_on` at a rung, the last
            rung's `metrics` at an end, `reason` at an end that is not complete.
    """

    kind: Kind
    key: str
    finished: int
    asked: int
    detail: Mapping[str, Any] = field(default_factory=dict)
