"""What a compiler says of assertions, also of those whose test cannot be run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kdray.corpus.example import Example
from kdray.evaluation.intervals import clustered
from kdray.execution.case import Ran, Verdict


def compiled_cases(examples: Sequence[Example], ran: Sequence[Ran]) -> list[int]:
    """Numbers of the Java examples whose own test compiles here."""
    return [
        number
        for number, (example, each) in enumerate(zip(examples, ran, strict=True))
        if example.language == "java" and each.verdicts
    ]


def compile_rates(metrics: dict[str, Any], verdicts: Sequence[Verdict | str], groups: Sequence[str]) -> None:
    """Adds `parse_rate`, `compile_rate` and how many cases they are of to one writer's metrics.

    Args:
        metrics: with `intervals`.
        verdicts: of what was written for each case whose own test compiles.
        groups: the test file of each.
    """
    groups_N, verdicts_N = np.array(groups), np.array(verdicts, dtype=object)
    metrics["compile_cases"] = len(verdicts)
    shares = {
        "parse_rate": verdicts_N != "unparsed",
        "compile_rate": (verdicts_N != "unparsed") & (verdicts_N != "uncompiled"),
    }
    for name, hits_N in shares.items():
        metrics[name] = float(hits_N.mean())
        metrics["intervals"][name] = list(clustered(hits_N.astype(bool), groups_N))
