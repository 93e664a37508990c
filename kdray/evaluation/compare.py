"""Whether what a model wrote is right, and whether it knew.

Strict: equal after whitespace normalisation, nothing else. A lenient match that forgives a wrong expected
value measures the shape of assertions, not whether they test anything.

Shape suffixes: N cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15


def normalise(text: str) -> str:
    """The text with every run of white space as one space and none at its ends."""
    return " ".join(text.split())


def matches(outputs: Sequence[str], references: Sequence[str]) -> NDArray[np.bool_]:
    """bool [N]: whether each output is its reference, strictly."""
    return np.array([normalise(a) == normalise(b) for a, b in zip(outputs, references, strict=True)], bool)


def ece(confidence_N: NDArray[Any], correct_N: NDArray[Any], bins: int = BINS) -> float:
    """Expected calibration error, in [0, 1]; 0 without a case.

    Mean over cases of the gap between accuracy and mean confidence of the case's bin; bins of equal width
    over (0, 1], a confidence of 0 in the first (Naeini et al., AAAI 2015; Guo et al., ICML 2017).
    """
    if len(confidence_N) == 0:
        return 0.0
    bin_N = np.clip(np.ceil(np.asarray(confidence_N, np.float64) * bins).astype(int) - 1, 0, bins - 1)
    gap = np.asarray(correct_N, np.float64) - np.asarray(confidence_N, np.float64)
    return float(np.abs(np.bincount(bin_N, gap, bins)).sum() / len(gap))
