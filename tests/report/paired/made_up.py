"""Trials whose answers to each case are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdray.results import TrialRecord

BOTH = {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}


def outcomes(right: Any, group: Any, violated: Any, of: str = "cases") -> dict[str, Any]:
    """A variant a case and one relation that always counts, one that never does."""
    signs = ["".join("1" if hit else "0" for hit in hits) for hits in (right, violated)]
    cases = len(right)
    return {
        "of": of,
        "right": signs[0],
        "group": list(group),
        "case": list(range(cases)),
        "violated": {"prediction_agreement": signs[1], "high_confidence_preservation": "-" * cases},
    }


def record(
    number: int, right: Any, group: Any, violated: Any, alpha: float = 0.5, **more: Any
) -> TrialRecord:
    """A complete trial that was right and violated so."""
    rung = {
        "step": 1,
        "assertion_accuracy": float(np.mean(right)),
        "metamorphic_discrepancy": float(np.mean(violated)),
        "student_params": 1000 + number,
        "outcomes": outcomes(right, group, violated),
    }
    trial = {"distil": {"alpha": alpha}, "student": {"family": "llama"}}
    return TrialRecord(f"t{number:04d}", number, "complete", {}, trial, (rung,), **more)
