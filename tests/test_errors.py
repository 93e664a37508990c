"""The hint behind a mistake."""

from __future__ import annotations

from kdray.errors import nearest


def test_the_nearest_choice_or_all_of_them():
    assert nearest("alfa", ["alpha", "beta"]) == ", did you mean 'alpha'?"
    assert nearest("zzz", ["b", "a"]) == ", known: a, b"
