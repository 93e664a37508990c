"""A trial on its way to whoever trains it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Self

from kdray.config import Trial, as_data, parse
from kdray.errors import DataError


@dataclass(frozen=True)
class Job:
    """A trial to be trained.

    Attributes:
        key: `t0007`.
        trial: what to train.
        decided: the last rung that the study knows of; 0 for none.
        fingerprint: of the trial (`trial_fingerprint`), for what it writes.
    """

    key: str
    trial: Trial
    decided: int
    fingerprint: str = ""

    def to_json(self) -> str:
        """As text: Tune looks into dicts and would see things in them."""
        return json.dumps({**vars(self), "trial": as_data(self.trial)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The job behind `to_json`."""
        data = json.loads(text)
        return cls(**data | {"trial": parse(Trial, data["trial"], data["key"])})


def is_key(text: str) -> bool:
    """Whether a text is the key of a trial, such as t0007."""
    return re.fullmatch(r"t[0-9]{1,18}", text) is not None


def check_key(key: str) -> None:
    """Raises `DataError` for what is no key: keys make paths, and a study may be somebody else's."""
    if not is_key(key):
        raise DataError(f"the study names a trial {key[:60]!r}, which is no key such as t0007")
