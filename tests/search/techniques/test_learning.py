"""AVATAR and MORPH: samples first, then what was learnt from them; whatever is killed, the same points."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest

from kdray import pareto
from kdray.config import load_sweep, sweep_from
from kdray.errors import ConfigError
from kdray.experiment.coordinator import Coordinator
from kdray.experiment.study import Study
from kdray.search import space
from kdray.search.constraints import Gate
from kdray.search.techniques.by_name import make_technique
from kdray.search.techniques.costs import Costs
from kdray.search.techniques.prune import feasible
from kdray.search.techniques.technique import LearningTechnique, by_interest
from tests.search.techniques.simulated import SPACE, genes, make, marks, run, train

SETTINGS: dict[str, dict[str, Any]] = {
    "avatar": {"samples": 12, "generations": 6, "population": 20},
    "morph": {"samples": 12, "generations": 6, "population": 20, "tuned": False},
}


def technique(name: str, trials: int = 15, **settings: Any) -> LearningTechnique:
    sweep = make(name, trials, **{**SETTINGS[name], **settings})
    made = make_technique(sweep, space.build(sweep), Gate(sweep).refusal)
    assert isinstance(made, LearningTechnique)
    return made


@pytest.mark.parametrize("name", SETTINGS)
def test_a_sweep_that_is_killed_again_and_again_trains_the_same_points(name: str) -> None:
    sweep = make(name, 18, **SETTINGS[name])
    undisturbed = run(sweep)
    storage = optuna.storages.InMemoryStorage()
    for until_s in (3, 0.5, 2, 4, 1, float("inf")):
        again = run(sweep, storage, until_s, workers=2)
    assert len(undisturbed) == 18
    assert again == undisturbed


@pytest.mark.parametrize("name", SETTINGS)
def test_nothing_of_the_archive_begins_while_a_sample_runs(name: str) -> None:
    sweep = make(name, 15, **SETTINGS[name])
    study = Study(optuna.storages.InMemoryStorage(), sweep, space.build(sweep))
    coordinator = Coordinator(sweep, study, None, Gate(sweep))
    jobs = [coordinator.next() for _ in range(13)]
    samples = [job for job in jobs if job is not None]
    assert len(samples) == 12
    for number, job in enumerate(samples):
        assert coordinator.next() is None
        assert not coordinator.done
        metrics, _ = train(job, 4)
        if number == 0:
            coordinator.fail(job.key, "a sample that fails is none to learn from")
        else:
            coordinator.finish(job.key, 4, metrics)
    assert coordinator.next() is not None


@pytest.mark.parametrize("name", SETTINGS)
def test_what_was_learnt_from_samples_finds_a_larger_front_than_chance(name: str) -> None:
    def volume(sampler: str, seed: int, **settings: Any) -> float:
        data = make(sampler, 24, **settings).model_dump(mode="json")
        data["search"]["seed"] = seed
        sweep = sweep_from(data, "test")
        values = [marks(point) for point in run(sweep)]
        return pareto.hypervolume(values, list(sweep.objectives.values()), [0.4, 0.05, 50.0, 30.0])

    ours = [volume(name, seed, **{**SETTINGS[name], "generations": 30}) for seed in range(3)]
    chance = [volume("random", seed) for seed in range(3)]
    assert sum(ours) > sum(chance)


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_hoped_of_a_row_is_exact_where_the_formula_gives_it(name: str) -> None:
    made = technique(name)
    rows_CG = made.genes.draw(np.random.default_rng(0), 30)
    costs = made.costs.of(rows_CG)
    values_CM = np.stack(
        [np.linspace(0.5, 0.9, 30), np.linspace(0.2, 0, 30), costs["size_mb"], costs["gflops"]], 1
    )
    hoped_CM = made.learn(rows_CG, values_CM)(rows_CG)
    size_C = np.abs(costs["size_mb"] - 3.0) if name == "avatar" else costs["size_mb"]
    np.testing.assert_allclose(hoped_CM[:, 2], size_C)
    np.testing.assert_allclose(hoped_CM[:, 3], costs["gflops"])
    assert (hoped_CM[:, 0] < 0).all()  # accuracy, its sign turned


def test_samples_of_morph_are_a_latin_hypercube() -> None:
    made = technique("morph", samples=40)
    vocab_C = made.genes.values("student.vocab", made.design())
    counts = np.bincount(vocab_C // 1000, minlength=31)[1:]
    assert len(vocab_C) == 40
    assert counts.min() >= 1 and counts.max() <= 2


def test_samples_of_avatar_lie_farther_from_each_other_than_random_ones() -> None:
    made = technique("avatar", samples=20)

    def nearest(rows_CG: Any) -> float:
        x_CG = made.genes.numbers(rows_CG)
        gaps_CC = ((x_CG[:, None] - x_CG[None]) ** 2).sum(axis=2)
        np.fill_diagonal(gaps_CC, np.inf)
        return float(np.sqrt(gaps_CC.min(axis=1)).mean())

    random = [nearest(made.genes.draw(np.random.default_rng(seed), 20)) for seed in range(5)]
    assert nearest(made.design()) > max(random)


def test_z3_prunes_a_wide_space_to_the_bounds_that_avatar_publishes() -> None:
    wide = {
        "student.vocab": {"range": [1000, 50000], "step": 1000},
        "student.layers": {"range": [1, 12]},
        "student.hidden": {"range": [16, 768], "step": 16},
        "student.feed_forward": {"range": [32, 3072], "step": 32},
        "student.heads": {"range": [1, 12]},
        "student.positions": {"range": [258, 514], "step": 16},
    }
    sweep = make("avatar", 4, only=wide)
    there = genes(sweep)
    left = dict(zip(there.paths, feasible(there, Costs(sweep, there), 3.0), strict=True))
    bounds = {
        path: (there.listed(path)[rows[0]], there.listed(path)[rows[-1]]) for path, rows in left.items()
    }
    assert bounds == {
        "student.vocab": (1000, 46000), "student.layers": (1, 12), "student.hidden": (16, 256),
        "student.feed_forward": (32, 3072), "student.heads": (1, 12), "student.positions": (258, 514),
    }  # fmt: skip


def test_a_space_without_a_student_small_enough_is_refused() -> None:
    sweep = make("avatar", 4, only={"student.hidden": [128, 256]})
    there = genes(sweep)
    with pytest.raises(ConfigError, match=r"no student of the space has 0.1 MB or less"):
        feasible(there, Costs(sweep, there), 0.1)


def test_an_archive_is_trained_from_the_row_nearest_the_target_to_those_unlike_it() -> None:
    losses_PM = np.array([[0.0, 10.0], [1.0, 9.0], [5.0, 5.0], [10.0, 0.0]])
    assert by_interest(np.array([3.0, 0.1, 2.0, 1.0]), losses_PM).tolist() == [1, 3, 2, 0]


def test_settings_without_an_effect_and_students_without_a_formula_are_refused() -> None:
    with pytest.raises(ConfigError, match="sampler_params has no effect on sampler 'tpe'"):
        run(make("tpe", 4, samples=3))
    data = make("morph", 4).model_dump(mode="json")
    data["trial"]["student"] |= {"tokenizer": "teacher", "vocab": None}
    data["space"] = {"student.layers": SPACE["student.layers"]}
    with pytest.raises(ConfigError, match=r"search.sampler morph: name student.tokenizer and student.vocab"):
        run(sweep_from(data, "test"))


@pytest.mark.parametrize("file", ["avatar", "avatar_vulnerability", "morph", "morph_vulnerability"])
def test_the_samples_of_a_preset_may_all_be_trained(file: str) -> None:
    sweep = load_sweep(f"sweeps/{file}.yaml")
    made = make_technique(sweep, space.build(sweep), Gate(sweep).refusal)
    assert isinstance(made, LearningTechnique)
    rows_CG = made.design()
    assert len(rows_CG) == sweep.search.sampler_params["samples"]
    assert all(made.genes.allowed(row_G) for row_G in rows_CG)
