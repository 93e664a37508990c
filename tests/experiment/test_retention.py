"""Which checkpoints stay: those of the front, and of a crowded front not all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kdray.experiment.retention import most_crowded
from tests.sweeping.check import check_whole
from tests.sweeping.drive import drive
from tests.sweeping.fake_run import FakeRun


class Constant(FakeRun):
    """Every student is as good as every other."""

    def next_rung(self) -> dict[str, Any]:
        return {**super().next_rung(), "assertion_accuracy": 0.5, "metamorphic_discrepancy": 0.5}


def kept(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("trials/*/checkpoint"))


def test_of_students_that_tie_the_first_keep_their_checkpoints(
    make_sweep: Any, tmp_path: Path, caplog: Any
) -> None:
    sweep = make_sweep(8, search={"sampler": "random", "halving": False}, keep=3)
    factory = f"{__name__}:Constant"
    drive(sweep, tmp_path / "x", factory)
    check_whole(sweep, tmp_path / "x")
    assert kept(tmp_path / "x") == ["t0000", "t0001", "t0002"]
    assert "the checkpoint of t0007 goes, its results and student stay (keep: 3)" in caplog.text
    assert len(list((tmp_path / "x").glob("trials/*/student"))) == 8
    # Who goes on finds the same, and may ask for more of them.
    more = make_sweep(12, search={"sampler": "random", "halving": False}, keep=5)
    drive(more, tmp_path / "x", factory)
    assert kept(tmp_path / "x") == ["t0000", "t0001", "t0002", "t0008", "t0009"]


def test_of_a_crowded_front_the_ends_stay_and_the_later_of_the_nearest_goes() -> None:
    front = {"a": [0.0, 1.0], "b": [1.0, 0.0], "c": [0.5, 0.5], "d": [0.55, 0.45], "e": [0.2, 0.8]}
    assert most_crowded({key: np.array(losses) for key, losses in front.items()}) == "d"
    del front["d"]
    front["f"] = [0.0, 1.0]  # as good as the first of the best
    assert most_crowded({key: np.array(losses) for key, losses in front.items()}) == "f"
    assert most_crowded({key: np.zeros(2) for key in "abc"}) == "c"
    assert most_crowded({"a": np.array([0.0, 1.0]), "b": np.array([1.0, 0.0])}) == "b"
