"""Tells whoever watches a sweep what happens to its trials."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from optuna.trial import FrozenTrial

from kdray.errors import KdrayError
from kdray.experiment.events import Event, Kind
from kdray.experiment.roster import Place, Roster
from kdray.experiment.study import RUNG, STATES, confirms_of, reported
from kdray.search.space import Point

log = logging.getLogger(__name__)


class Announcer:
    """Hands events on, with how far the sweep is.

    Args:
        on_event: told of everything.
        roster: where the trials stand.
        asked: trials that the sweep asks for; whoever learns of more (`search.confirm`) sets it.
    """

    def __init__(self, on_event: Callable[[Event], None], roster: Roster, asked: int) -> None:
        self._on_event = on_event
        self._roster = roster
        self.asked = asked

    def tell(self, kind: Kind, key: str, **detail: Any) -> None:
        """Something happened. A watcher that fails does not end the sweep, unless by a `KdrayError`."""
        try:
            self._on_event(Event(kind, key, self._roster.count(Place.ENDED), self.asked, detail))
        except KdrayError:
            raise
        except Exception:
            log.exception("the watcher of the sweep failed; the sweep goes on")

    def tell_start(self, trial: FrozenTrial, point: Point, resumed_from: int) -> None:
        """A trial starts, or goes on from a rung."""
        detail: dict[str, Any] = {"point": point, "resumed_from": resumed_from}
        if (confirms := confirms_of(trial)) is not None:
            detail["confirms"], detail["seed"] = confirms
        self.tell("started", trial.user_attrs["key"], **detail)

    def tell_end(self, trial: FrozenTrial) -> None:
        """A trial ended, with what the study says of it."""
        steps = reported(trial)
        detail = {"metrics": trial.user_attrs[f"{RUNG}{steps[-1]}"] if steps else {}}
        if "reason" in trial.user_attrs:
            detail["reason"] = trial.user_attrs["reason"]
        self.tell(STATES[trial.state], trial.user_attrs["key"], **detail)  # type: ignore[arg-type]
