"""What a student did on each case, kept so that students are compared case by case.

Two students of a sweep answer the same cases: their difference is far surer than their two intervals say, once
it is taken case by case. Plain data in a few kilobytes, for a rung's line in `results.jsonl`: a sign for each case
or variant, `1`, `0`, or `-` where a relation does not count.

    of         fingerprint of the cases and variants: outcomes of the same ones only can be compared
    right      a sign for each clean input
    group      for each clean input the number of its test file, in order of first sight
    case       for each variant the number of its clean input
    violated   relation -> a sign for each variant

Not here: what is made of them (`kdray.report.paired`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.metamorphic.relations import Violations
from kdray.metamorphic.suite import Suite
from kdray.storage import fingerprint


def outcomes(
    suite: Suite,
    clean_N: NDArray[np.bool_],
    right_N: NDArray[np.bool_],
    by_relation: Mapping[str, Violations],
) -> dict[str, Any]:
    """What happened on the first N rows of a suite.

    Args:
        suite: says of which case and group each row is.
        clean_N: whether a row is a clean input.
        right_N: whether the student's answer is the truth.
        by_relation: each relation on the variants among them.
    """
    clean, variants = np.flatnonzero(clean_N), np.flatnonzero(~clean_N)
    place = {suite.cases[row]: number for number, row in enumerate(clean)}
    files = {group: number for number, group in enumerate(dict.fromkeys(suite.groups[row] for row in clean))}
    rows = range(len(clean_N))
    return {
        "of": fingerprint(*(f"{suite.cases[row]} {suite.transforms[row]}" for row in rows)),
        "right": _signs(right_N[clean_N]),
        "group": [files[suite.groups[row]] for row in clean],
        "case": [place[suite.cases[row]] for row in variants],
        "violated": {name: _signs(found.violated, found.counted) for name, found in by_relation.items()},
    }


def _signs(hits_N: NDArray[np.bool_], counted_N: NDArray[np.bool_] | None = None) -> str:
    signs_N = np.where(hits_N, "1", "0")
    return "".join(signs_N if counted_N is None else np.where(counted_N, signs_N, "-"))
