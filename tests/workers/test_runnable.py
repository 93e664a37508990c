from __future__ import annotations

import pytest

from kdray.errors import KdrayError
from kdray.workers.runnable import load_factory


@pytest.mark.parametrize("path", ["no_such_module:Run", "tests.sweeping.fake_run:Nothing"])
def test_a_factory_that_is_not_there_is_named(path: str) -> None:
    with pytest.raises(KdrayError, match="trial factory"):
        load_factory(path)
