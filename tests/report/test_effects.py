"""Main effects and importance find what was put in, and say nothing where there is nothing to say."""

from __future__ import annotations

import numpy as np
import pytest

from kdray.config import Sweep, parse
from kdray.report import effects
from kdray.report.importance_shares import importance
from kdray.results import TrialRecord

SWEEP = {
    "name": "s",
    "trial": {
        "corpus": "c",
        "shards": "s",
        "student": {"family": "llama", "layers": 1, "hidden": 32, "heads": 2, "feed_forward": 64},
        "budget": {"steps": 20},
    },
    "space": {
        "distil.alpha": {"range": [0.0, 1.0]},
        "distil.temperature": {"range": [0.5, 8.0], "log": True},
        "student.hidden": [32, 64, 128],
        "optim.lr": {"range": [1e-4, 1e-3], "log": True, "when": {"student.hidden": 64}},
        "student.layers": {"range": [1, 4]},
        "distil.loss": ["decoupled"],
    },
}


@pytest.fixture(scope="module")
def sweep():
    return parse(Sweep, SWEEP, "test")


def records(count, noise=0.0, seed=0, layers=None):
    """a = alpha - alpha^2 + hidden / 1000, where large alphas go with large students; b = ln T."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        alpha, log_t = rng.random(), rng.uniform(np.log(0.5), np.log(8))
        hidden = int(rng.choice([32, 64, 128], p=[0.8, 0.1, 0.1] if alpha < 0.5 else [0.1, 0.1, 0.8]))
        overrides = {
            "distil.alpha": alpha,
            "distil.temperature": float(np.exp(log_t)),
            "student.hidden": hidden,
        }
        overrides |= {"student.layers": layers or int(rng.integers(1, 5)), "distil.loss": "decoupled"}
        if hidden == 64:
            overrides["optim.lr"] = 5e-4
        rung = {"step": 20, "a": alpha - alpha**2 + hidden / 1000 + noise * rng.normal(), "b": log_t}
        made.append(TrialRecord(f"t{number:04d}", number, "complete", overrides, {}, (rung,)))
    return made


def test_a_main_effect_is_separated_from_what_was_chosen_beside_it(sweep):
    (effect,) = effects.main_effects(records(200), sweep, ["a"], ["distil.alpha"])
    at, mean = np.array(effect["at"]), np.array(effect["mean"])
    truth = at - at**2
    assert mean - mean.mean() == pytest.approx(truth - truth.mean(), abs=0.005)


def test_a_logarithmic_setting_is_fitted_and_given_back_on_its_own_scale(sweep):
    (effect,) = effects.main_effects(records(100), sweep, ["b"], ["distil.temperature"])
    assert effect["log"]
    assert min(effect["at"]) >= 0.5
    assert effect["mean"] == pytest.approx(np.log(effect["at"]), abs=0.01)


def test_bands_hold_the_mean_and_widen_with_noise(sweep):
    def width(noise):
        (effect,) = effects.main_effects(records(60, noise), sweep, ["a"], ["distil.alpha"])
        low, mean, high = (np.array(effect[name]) for name in ("low", "mean", "high"))
        assert ((low <= mean + 1e-6) & (mean <= high + 1e-6)).mean() > 0.9
        return (high - low).mean()

    assert width(0.1) > 3 * width(0.01)


def test_settings_that_never_varied_and_sweeps_that_are_too_small_have_no_effect(sweep):
    assert (
        effects.main_effects(
            records(30, layers=2), sweep, ["a"], ["student.layers", "distil.loss", "no.path"]
        )
        == []
    )
    assert effects.main_effects(records(5), sweep, ["a"]) == []
    assert importance(records(5), sweep, {"a": "max"}) == []


def test_importance_names_the_setting_that_decides(sweep):
    found = importance(records(150), sweep, {"b": "max", "a": "min"})
    assert [entry["metric"] for entry in found] == ["b", "a"]
    assert found[0]["shares"][0][0] == "distil.temperature"
    assert found[0]["shares"][0][1] > 0.8
    assert sum(share for _, share in found[0]["shares"]) == pytest.approx(1)


def test_importance_knows_alpha_also_where_the_file_writes_its_range_in_whole_numbers(sweep):
    space = SWEEP["space"] | {"distil.alpha": {"range": [0, 1]}}
    written = parse(Sweep, SWEEP | {"space": space}, "test")
    made = records(60)
    assert importance(made, written, {"a": "max"}) == importance(made, sweep, {"a": "max"})
    (entry,) = importance(made, written, {"a": "max"})
    assert dict(entry["shares"])["distil.alpha"] > 0


def test_importance_leaves_optuna_as_talkative_as_it_was(sweep, capfd):
    import optuna

    before = optuna.logging.get_verbosity()
    importance(records(30), sweep, {"a": "max"})
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr().err == ""


def test_a_setting_without_effect_is_not_to_be_told_from_nothing(sweep):
    (entry,) = importance(records(150), sweep, {"b": "max"})
    assert "distil.temperature" in entry["told"]
    assert all(low <= high for low, high in entry["intervals"].values())
    (luck,) = importance(records(60, noise=1e6), sweep, {"a": "max"})
    assert len(luck["told"]) <= 1
    both = effects.main_effects(records(60), sweep, ["b"])
    assert {effect["path"]: effect["told"] for effect in both}["distil.temperature"]
    noisy = [
        effects.main_effects(records(60, 1e6, seed), sweep, ["a"], ["distil.alpha"]) for seed in range(10)
    ]
    assert sum(effect["told"] for (effect,) in noisy) <= 3
