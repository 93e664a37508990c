"""The simulated study: what is told of the chosen student is true on cases that did not choose it."""

import numpy as np

from tests.benchmarks.honesty import confirmed_sweep, one_sweep, table


def test_the_old_way_is_too_good_to_be_true_and_the_new_way_is_not():
    truth, rng = table(), np.random.default_rng(1)
    marks = [one_sweep(truth, 16, 200, 50, rng) for _ in range(120)]
    old, new = ([mark[f"best_{way}"] for mark in marks] for way in ("old", "new"))
    error = np.std(new, ddof=1) / np.sqrt(len(new))
    assert np.mean(old) > 4 * error
    assert abs(np.mean(new)) < 3 * error
    for name in ("best_new_covers", "covers_assertion_accuracy", "covers_metamorphic_discrepancy"):
        assert np.mean([mark[name] for mark in marks]) > 0.88, name


def test_means_over_several_trainings_are_less_too_good_and_choose_no_worse_settings():
    truth, rng = table(), np.random.default_rng(2)
    marks = [confirmed_sweep(truth, 12, 200, 50, rng) for _ in range(60)]
    told = {name: np.mean([mark[name] for mark in marks]) for name in marks[0]}
    assert 0 < told["optimism_confirmed"] < 0.7 * told["optimism_once"]
    assert told["lost_confirmed"] < told["lost_once"] + 0.003
