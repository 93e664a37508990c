from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kdray.config import load_sweep
from kdray.errors import ConfigError
from kdray.search import space
from kdray.search.constraints import Gate
from kdray.search.techniques.by_name import make_technique
from kdray.search.techniques.compressor import Compressor
from kdray.search.techniques.costs import Costs
from tests.search.techniques.simulated import genes, make, run

SMALL: dict[str, Any] = {
    "student.vocab": [1000, 2000],
    "student.heads": [1, 4],
    "student.hidden": [16, 96],
    "student.feed_forward": [32, 64],
    "student.layers": [2, 6, 12],
}


@pytest.mark.slow
def test_the_preset_finds_the_published_student_of_3_mb() -> None:
    sweep = load_sweep("sweeps/compressor.yaml")
    technique = make_technique(sweep, space.build(sweep), Gate(sweep).refusal)
    assert isinstance(technique, Compressor)
    assert technique.best(3.0) == {
        "student.layers": 12, "student.hidden": 96, "student.feed_forward": 64, "student.heads": 8,
        "student.vocab": 1000,
    }  # fmt: skip


def test_in_a_small_space_it_finds_the_fittest_row_of_all() -> None:
    sweep = make("compressor", 1, only=SMALL, targets_mb=[2.0], searches=4, generations=10, population=8)
    technique = make_technique(sweep, space.build(sweep), Gate(sweep).refusal)
    assert isinstance(technique, Compressor)
    there = genes(sweep)
    every_CG = np.stack(np.meshgrid(*map(np.arange, there.sizes_G)), axis=-1).reshape(-1, len(SMALL))
    costs = Costs(sweep, there, whole_table=True).of(every_CG)
    fitness_C = costs["gflops"] - np.abs(costs["size_mb"] - 2.0)
    assert technique.best(2.0) == there.point(every_CG[fitness_C.argmax()])


def test_a_sweep_trains_one_student_a_target_and_no_more() -> None:
    sweep = make(
        "compressor", 3, only=SMALL, targets_mb=[0.5, 2.0, 4.0], searches=2, generations=5, population=8
    )
    points = run(sweep)
    there = genes(sweep)
    sizes = Costs(sweep, there, whole_table=True).of(there.rows(points))["size_mb"]
    assert list(sizes) == sorted(sizes)
    assert len(set(sizes)) == 3


def test_more_trials_than_targets_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"search.trials 4: compressor trains one student a target size"):
        run(make("compressor", 4, only=SMALL))


def test_an_unknown_setting_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"sampler_params: unknown key 'target_mb', did you mean 'targets_mb'"
    ):
        run(make("compressor", 3, only=SMALL, target_mb=[3.0]))
