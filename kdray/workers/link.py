"""What the parts that Tune calls (searcher, scheduler, stopper) share in the driver."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kdray.experiment.coordinator import Conductor


class Unpickled:
    """Tune pickles what it is given, for a restore that never comes; a live object is not to be copied."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Unpickled:
        """Itself."""
        return self


@dataclass
class Link(Unpickled):
    """One run's common state.

    Attributes:
        conductor: leads the sweep.
        stopped: set by whoever wants the run to end.
        keys: Tune's trial id -> key.
        causes: Tune's trial id -> what its worker died of.
        avoid: ids of Ray's nodes on which no trial can work: what it would write finds no room there.
        crash: the first error of our own; Tune would take it for a failed trial and go on.
    """

    conductor: Conductor
    stopped: threading.Event
    keys: dict[str, str] = field(default_factory=dict)
    causes: dict[str, BaseException] = field(default_factory=dict)
    avoid: set[str] = field(default_factory=set)
    crash: BaseException | None = None

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Keeps an error from Tune, and ends the run because of it."""
        try:
            yield
        except Exception as error:
            self.crash = self.crash or error
            self.stopped.set()
