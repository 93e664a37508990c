"""A trial on its way to whoever trains it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

from kdray.config import Trial, as_data, parse


@dataclass(frozen=True)
class Job:
    """A trial to be trained.

    Attributes:
        key: `t0007`.
        trial: what to train.
        decided: the last rung that the study knows of; 0 for none.
    """

    key: str
    trial: Trial
    decided: int

    def to_json(self) -> str:
        """As text: Tune looks into dicts and would see things in them."""
        return json.dumps({"key": self.key, "trial": as_data(self.trial), "decided": self.decided})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The job behind `to_json`."""
        data = json.loads(text)
        return cls(data["key"], parse(Trial, data["trial"], data["key"]), data["decided"])
