"""What stays on disk of a trial that ended: its state, its results, its student; its checkpoint only on the
front.

The front here is that of complete trials, kept as it grows: a trial that leaves it loses its checkpoint, and
can never come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from kdray.experiment.study import RUNG, STATES, reported
from kdray.experiment.trial_folder import TrialFolder


class Keeper:
    """Writes the ends of trials into an experiment folder.

    Args:
        folder: the experiment folder, None to write nothing (simulations).
        signs: +1 for each objective to minimise, -1 for each to maximise.
    """

    def __init__(self, folder: str | Path | None, signs: Sequence[int]) -> None:
        self._folder = folder
        self._signs = np.array(signs, np.float64)
        self._front: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}

    def again(self, trial: FrozenTrial) -> None:
        """A trial that ended in an earlier run: writes what a kill prevented."""
        if self._folder is None:
            return
        if TrialFolder(self._folder, trial.user_attrs["key"]).ended:
            self._retain(trial)
        else:
            self.end(trial)

    def end(self, trial: FrozenTrial) -> None:
        """A trial has ended in the study: says so in its folder."""
        if self._folder is None:
            return
        steps = reported(trial)
        seconds = trial.user_attrs[f"{RUNG}{steps[-1]}"].get("wall_s", 0.0) if steps else 0.0
        folder = TrialFolder(self._folder, trial.user_attrs["key"], trial.user_attrs.get("fingerprint", ""))
        folder.end(STATES[trial.state], trial.user_attrs.get("reason", ""), seconds)
        self._retain(trial)

    def _retain(self, trial: FrozenTrial) -> None:
        key = trial.user_attrs["key"]
        if trial.state != TrialState.COMPLETE:
            self._drop(key)
            return
        losses_M = np.array(trial.values) * self._signs
        if any(_dominates(other, losses_M) for other in self._front.values()):
            self._drop(key)
            return
        for other in [name for name, losses in self._front.items() if _dominates(losses_M, losses)]:
            del self._front[other]
            self._drop(other)
        self._front[key] = losses_M

    def _drop(self, key: str) -> None:
        assert self._folder is not None  # noqa: S101 - nothing ends without a folder
        TrialFolder(self._folder, key).drop_checkpoint()


def _dominates(
    one_M: np.ndarray[tuple[int], np.dtype[np.float64]], other_M: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> bool:
    return bool((one_M <= other_M).all() and (one_M < other_M).any())
