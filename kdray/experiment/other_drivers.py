"""What the drivers of one sweep are to each other: each hears of the others' trials through the study, and takes
over what those that are gone left.
"""

from __future__ import annotations

from collections.abc import Iterator

from optuna.trial import FrozenTrial, TrialState

from kdray.experiment.announcer import Announcer
from kdray.experiment.drivers import Drivers
from kdray.experiment.retention import Keeper
from kdray.experiment.roster import Place
from kdray.experiment.study import Study, driver_of
from kdray.experiment.sweep_memory import SweepMemory


class OtherDrivers:
    """The others, as one driver sees them.

    Args:
        drivers: which one this is.
        study: the trials of all of them.
        memory: what this one knows of these.
        keeper: writes the end of a trial where its own driver was killed before it did.
        announcer: is told what happens to the others' trials, too.
    """

    def __init__(
        self, drivers: Drivers, study: Study, memory: SweepMemory, keeper: Keeper, announcer: Announcer
    ) -> None:
        self._drivers = drivers
        self._study = study
        self._memory = memory
        self._roster = memory.roster
        self._keeper = keeper
        self._announcer = announcer

    def hear(self) -> None:
        """Takes in what the others did since the last time."""
        elsewhere = set(self._roster.keys(Place.ELSEWHERE))
        for trial in self._study.trials():
            key = trial.user_attrs["key"]
            if key not in self._roster:
                self._memory.read(trial)
                self._announcer.tell_start(trial, self._study.point(trial), 0)
            elif key in elsewhere:
                self._memory.read_again(trial)
            else:
                continue
            if trial.state.is_finished():
                self._keeper.again(trial)
                self._announcer.tell_end(trial)

    def take_over(self) -> Iterator[FrozenTrial]:
        """The trials that this driver left itself in an earlier run, and those of drivers that are gone. Each one
        waits in the study and is this driver's when it is given; meanwhile no other driver takes it.
        """
        unfinished = (TrialState.RUNNING, TrialState.WAITING)
        for number in sorted({driver_of(trial) for trial in self._study.trials(*unfinished)}):
            with self._drivers.gone(number) as gone:
                if not gone:
                    continue
                self.hear()
                for trial in self._study.trials(*unfinished):
                    elsewhere = self._roster.stands(trial.user_attrs["key"], Place.ELSEWHERE)
                    if driver_of(trial) == number and elsewhere:
                        self._adopt(trial)
                        yield trial

    def _adopt(self, trial: FrozenTrial) -> None:
        self._study.mend(trial)
        if driver_of(trial) != self._drivers.number:
            self._study.put_back(trial.user_attrs["key"], driver=self._drivers.number)
        elif trial.state == TrialState.RUNNING:
            self._study.put_back(trial.user_attrs["key"])
