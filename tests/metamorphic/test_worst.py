"""Worst cases: what a reader sees of them."""

from __future__ import annotations

from kdray.metamorphic.worst import source_diff


def test_a_diff_shows_what_changed():
    assert source_diff("a\nb\n", "a\nc\n") == "@@ -1,2 +1,2 @@\n a\n-b\n+c"
    assert source_diff("a", "a") == ""
