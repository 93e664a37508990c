"""Random damage to what is read is refused in a line, or does no harm (`tests/fuzzing.py` tries for longer)."""

from __future__ import annotations

import pytest

from tests.fuzzing import fuzz


@pytest.mark.filterwarnings("ignore")
def test_damaged_files_give_no_traceback() -> None:
    tries, found = fuzz(seconds=30, seed=0, tries=150)
    assert found == []
    assert tries > 10
