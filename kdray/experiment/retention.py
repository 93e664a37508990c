"""What stays on disk of a trial that ended: its state, its results, its student; its checkpoint only on the
front.

The front here is that of complete trials, kept as it grows: a trial that leaves it loses its checkpoint, and
can never come back. Where objectives tie, everything is on the front: of more than `keep` trials the most crowded
lose theirs, which is said.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from kdray.experiment.study import RUNG, STATES, reported
from kdray.experiment.trial_folder import TrialFolder

log = logging.getLogger(__name__)


class Keeper:
    """Writes the ends of trials into an experiment folder.

    Args:
        folder: the experiment folder, None to write nothing (simulations).
        signs: +1 for each objective to minimise, -1 for each to maximise.
        keep: how many trials of the front keep their checkpoints.
    """

    def __init__(self, folder: str | Path | None, signs: Sequence[int], keep: int = 20) -> None:
        self._folder = folder
        self._keep = keep
        self._kept: list[str] = []
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
        assert self._folder is not None  # noqa: S101 - nothing ends without a folder
        if TrialFolder(self._folder, key).saved() is not None:
            self._kept.append(key)
        if len(self._kept) > self._keep:
            gone = most_crowded({name: self._front[name] for name in self._kept})
            log.warning(
                "more than %d students on the front: the checkpoint of %s goes, its results and student stay"
                " (keep: %d)",
                self._keep,
                gone,
                self._keep,
            )
            self._drop(gone)

    def _drop(self, key: str) -> None:
        if key in self._kept:
            self._kept.remove(key)
        assert self._folder is not None  # noqa: S101 - nothing ends without a folder
        TrialFolder(self._folder, key).drop_checkpoint()


def most_crowded(front: Mapping[str, np.ndarray[tuple[int], np.dtype[np.float64]]]) -> str:
    """The member that the front does best without: of the two nearest to each other, each objective's range taken
    as 1, the later; the first of the best in an objective stays.

    Args:
        front: two or more, the earliest first; losses by key.
    """
    names, losses_NM = list(front), np.array(list(front.values()))
    best = {int(losses_N.argmin()) for losses_N in losses_NM.T}
    spare = [index for index in range(len(names)) if index not in best] or [len(names) - 1]
    ranges_M = np.ptp(losses_NM, axis=0)
    scaled_NM = losses_NM / np.where(ranges_M > 0, ranges_M, 1.0)
    distances_NN = np.linalg.norm(scaled_NM[:, None] - scaled_NM[None], axis=2)
    np.fill_diagonal(distances_NN, np.inf)
    nearest = min(distances_NN[index].min() for index in spare)
    return names[max(index for index in spare if distances_NN[index].min() <= nearest)]


def _dominates(
    one_M: np.ndarray[tuple[int], np.dtype[np.float64]], other_M: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> bool:
    return bool((one_M <= other_M).all() and (one_M < other_M).any())
