"""Whether what a model wrote or which class it chose is right, and whether it knew.

A text is right strictly: equal after whitespace normalisation, nothing else. A lenient match that forgives a
wrong expected value measures the shape of assertions, not whether they test anything.

Shape suffixes: N cases, C classes.
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


def binary_metrics(said_N: NDArray[Any], truth_N: NDArray[Any]) -> dict[str, float]:
    """`accuracy`, and `precision`, `recall` and `f1` of class 1 (0 where they have no case)."""
    hits = int(((said_N == 1) & (truth_N == 1)).sum())
    named, real = int((said_N == 1).sum()), int((truth_N == 1).sum())
    return {
        "accuracy": float((said_N == truth_N).mean()),
        "precision": hits / named if named else 0.0,
        "recall": hits / real if real else 0.0,
        "f1": 2 * hits / (named + real) if named + real else 0.0,
    }


def classification_metrics(probabilities_NC: NDArray[Any], labels_N: NDArray[Any]) -> dict[str, float]:
    """`binary_metrics` and `ece`.

    Args:
        probabilities_NC: of two classes.
        labels_N: the truth, 0 or 1.
    """
    said_N = probabilities_NC.argmax(1)
    calibration = ece(probabilities_NC.max(1), said_N == labels_N)
    return binary_metrics(said_N, labels_N) | {"ece": calibration}
