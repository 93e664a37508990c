"""How often something is right, with its 95 % interval, named as a trial's metrics are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.evaluation.intervals import wilson
from kdray.evaluation.lenient import is_java, lenient_mean
from kdray.evaluation.metrics import matches


def share(hits_N: NDArray[np.bool_], name: str = "assertion_accuracy") -> dict[str, Any]:
    """The share of hits with its Wilson interval."""
    hits, total = int(hits_N.sum()), len(hits_N)
    return {
        name: hits / total,
        "intervals": {name: list(wilson(hits, total))},
        "cases": total,
    }


def text_metrics(
    outputs: Sequence[str], references: Sequence[str], name: str = "assertion_accuracy"
) -> dict[str, Any]:
    """How often texts are right, strictly; of Java also the lenient accuracy of the alpha-temperature study."""
    metrics = share(matches(outputs, references), name)
    if is_java(references):
        metrics["lenient_accuracy"], interval = lenient_mean(outputs, references)
        metrics["intervals"]["lenient_accuracy"] = list(interval)
    return metrics
