from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray.experiment.roster import Place, Roster


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(Place))))
def test_every_trial_stands_at_one_place_behind_those_that_came_before(
    moves: list[tuple[int, Place]],
) -> None:
    roster, came = Roster(), dict[str, Place]()
    for number, place in moves:
        key = f"t{number:04d}"
        if key in came:
            roster.move(key, place)
            del came[key]
        else:
            roster.enter(key, place, 10 + number)
        came[key] = place
    for place in Place:
        assert roster.keys(place) == [key for key, at in came.items() if at is place]
        assert roster.count(place) == len(roster.keys(place))
    assert len(roster) == len(came)
    for key, place in came.items():
        assert roster.place(key) is place
        assert roster.stands(key, place)
        assert key in roster
        assert roster.mirror_id(key) == 10 + int(key[1:])


def test_an_unknown_trial_stands_nowhere() -> None:
    roster = Roster()
    assert "t0000" not in roster
    assert not any(roster.stands("t0000", place) for place in Place)
    with pytest.raises(KeyError):
        roster.move("t0000", Place.WAITING)
