"""Settings by dotted path: what is put there is found there, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray.config import flat, put, value_at

names = st.text("abc", min_size=1, max_size=2)
paths = st.lists(names, min_size=1, max_size=3).map(".".join)


@given(st.dictionaries(paths, st.integers()), paths, st.integers())
def test_what_is_put_at_a_path_is_found_there_and_the_rest_stays(settings, path, value):
    config = {}
    for other, held in settings.items():
        if all(value_at(config, other[:at]) is None for at in range(len(other)) if other[at] == "."):
            put(config, other, held)
    before = flat(config)
    try:
        put(config, path, value)
    except ValueError as error:
        assert not isinstance(value_at(config, str(error)), dict)
        assert path.startswith(f"{error}.")
        return
    assert value_at(config, path) == value
    kept = {other: held for other, held in before.items() if not f"{other}.".startswith(f"{path}.")}
    assert flat(config) == kept | {path: value}


def test_behind_so_many_dots_the_rest_of_a_path_is_one_key():
    config = {}
    put(config, "space.distil.alpha", [0, 1], dots=1)
    assert config == {"space": {"distil.alpha": [0, 1]}}


def test_what_is_no_mapping_has_no_parts():
    with pytest.raises(ValueError, match=r"^a\.b$"):
        put({"a": {"b": 1}}, "a.b.c.d", 2)
