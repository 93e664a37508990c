"""The simulated study: what is told of the chosen student is true on cases that did not choose it."""

import numpy as np

from tests.benchmarks.honesty import one_sweep, table


def test_the_old_way_is_too_good_to_be_true_and_the_new_way_is_not():
    truth, rng = table(), np.random.default_rng(1)
    marks = [one_sweep(truth, 16, 200, 50, rng) for _ in range(120)]
    old, new = ([mark[f"best_{way}"] for mark in marks] for way in ("old", "new"))
    error = np.std(new, ddof=1) / np.sqrt(len(new))
    assert np.mean(old) > 4 * error
    assert abs(np.mean(new)) < 3 * error
    for name in ("best_new_covers", "covers_assertion_accuracy", "covers_metamorphic_discrepancy"):
        assert np.mean([mark[name] for mark in marks]) > 0.88, name
