"""Where each trial of a sweep stands, as one of its drivers sees it."""

from __future__ import annotations

from enum import Enum, auto


class Place(Enum):
    """Where a trial stands."""

    WAITING = auto()
    """This driver's, and goes on as soon as there is room."""
    TRAINING = auto()
    """On one of this driver's workers."""
    ELSEWHERE = auto()
    """Another driver's, which may be gone."""
    ENDED = auto()
    """Complete, pruned or failed."""


UNFINISHED = (Place.WAITING, Place.TRAINING, Place.ELSEWHERE)


class Roster:
    """Every trial of the study at one place, with its id in the sampler's mirror (see `search.proposer`); None for
    a trial that confirms another, of which the sampler does not hear.
    """

    def __init__(self) -> None:
        self._mirror_ids: dict[Place, dict[str, int | None]] = {place: {} for place in Place}

    def enter(self, key: str, place: Place, mirror_id: int | None) -> None:
        """A trial that was not known before."""
        self._mirror_ids[place][key] = mirror_id

    def move(self, key: str, place: Place) -> None:
        """A known trial stands elsewhere from now on, behind those that stand there already."""
        self._mirror_ids[place][key] = self._mirror_ids[self.place(key)].pop(key)

    def place(self, key: str) -> Place:
        """Where a trial stands. Raises `KeyError` for an unknown one."""
        for place, mirror_ids in self._mirror_ids.items():
            if key in mirror_ids:
                return place
        raise KeyError(key)

    def stands(self, key: str, place: Place) -> bool:
        """Whether a trial, known or not, stands there."""
        return key in self._mirror_ids[place]

    def mirror_id(self, key: str) -> int | None:
        """The trial's id in the sampler's mirror. Raises `KeyError` for an unknown one."""
        return self._mirror_ids[self.place(key)][key]

    def keys(self, place: Place) -> list[str]:
        """The trials that stand there, in the order in which they came."""
        return list(self._mirror_ids[place])

    def count(self, *places: Place) -> int:
        """How many trials stand there."""
        return sum(len(self._mirror_ids[place]) for place in places)

    def searched(self, *places: Place) -> int:
        """How many of these confirm no other."""
        return sum(
            mirror_id is not None for place in places for mirror_id in self._mirror_ids[place].values()
        )

    def __contains__(self, key: str) -> bool:
        return any(key in mirror_ids for mirror_ids in self._mirror_ids.values())

    def __len__(self) -> int:
        return self.count(*Place)
