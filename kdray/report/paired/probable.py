"""How likely each student is really on the front, by bootstrap over the test files that all of them answered.

What is not known case by case, such as a latency, is drawn from its interval, each student's for itself. Counted
metrics are exact. Training seeds are in no part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from kdray import pareto
from kdray.report.paired.casewise import MEASURED, Casewise, casewise
from kdray.results import TrialRecord


def front_probability(
    records: Sequence[TrialRecord],
    values_PM: pareto.Floats,
    errors_PM: pareto.Floats,
    objectives: Mapping[str, str],
) -> pareto.Floats:
    """float[P].

    Args:
        records: P trials.
        values_PM: what they measured.
        errors_PM: standard errors, used where outcomes are not those of the same cases.
        objectives: metric -> `max` or `min`, M of them.
    """
    known = {
        (place, column): found
        for column, metric in enumerate(objectives)
        if metric in MEASURED
        for place, record in enumerate(records)
        if "outcomes" in record.metrics and (found := casewise(record, metric)) is not None
    }
    cases = Counter(found.of for found in known.values()).most_common(1)
    same = {at: found for at, found in known.items() if found.of == cases[0][0]}
    together = _by_file(same, values_PM.shape)
    if together is not None:
        errors_PM = errors_PM.copy()
        errors_PM[tuple(np.array(list(same)).T)] = 0.0
    return pareto.front_probability(values_PM, errors_PM, list(objectives.values()), of_file_GPM=together)


def _by_file(known: Mapping[tuple[int, int], Casewise], shape: tuple[int, ...]) -> pareto.Floats | None:
    """What each file adds to each value; None where nothing is known, or of one file only."""
    files = max((int(found.group_C.max()) + 1 for found in known.values()), default=0)
    if files < 2:
        return None
    of_file_GPM = np.zeros((files, *shape))
    for (place, column), found in known.items():
        of_file_GPM[:, place, column] = np.bincount(found.group_C, found.adds_C, files)
    return of_file_GPM
