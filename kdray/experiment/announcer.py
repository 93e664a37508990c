"""Tells whoever watches a sweep what happens to its trials."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from optuna.trial import FrozenTrial

from kdray.errors import KdrayError
from kdray.experiment.events import Event, Kind
from kdray.experiment.study import RUNG, STATES, reported

log = logging.getLogger(__name__)


class Teller:
    """Hands events on, with how far the sweep is.

    Args:
        on_event: told of everything.
        asked: trials that the sweep asks for.

    Attributes:
        finished: trials that are complete, pruned or failed; kept by who tells.
    """

    def __init__(self, on_event: Callable[[Event], None], asked: int) -> None:
        self._on_event = on_event
        self._asked = asked
        self.finished = 0

    def tell(self, kind: Kind, key: str, **detail: Any) -> None:
        """Something happened. A watcher that fails does not end the sweep, unless by a `KdrayError`."""
        try:
            self._on_event(Event(kind, key, self.finished, self._asked, detail))
        except KdrayError:
            raise
        except Exception:
            log.exception("the watcher of the sweep failed; the sweep goes on")

    def tell_end(self, trial: FrozenTrial) -> None:
        """A trial ended, with what the study says of it."""
        steps = reported(trial)
        detail = {"metrics": trial.user_attrs[f"{RUNG}{steps[-1]}"] if steps else {}}
        if "reason" in trial.user_attrs:
            detail["reason"] = trial.user_attrs["reason"]
        self.tell(STATES[trial.state], trial.user_attrs["key"], **detail)  # type: ignore[arg-type]
