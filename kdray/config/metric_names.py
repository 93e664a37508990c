"""Names of metrics that say what they are, and what older files call them.

The share of inputs that violate a relation was once recorded under the relation's own name, beside `agreement`, of
which more is better.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RELATIONS = (
    "prediction_agreement",
    "distribution_similarity",
    "high_confidence_preservation",
    "calibration_alignment",
)
OF_RUNS = ("parse_rate", "pass_rate", "false_alarm_rate")
"""Measured where assertions are run."""
OF_MUTANTS = ("kill_rate", "vacuous_rate", "kill_disagreement")
"""Measured where they are run with faults in the code under test."""
OF_VARIANTS = ("variant_pass_rate", "variant_kill_disagreement")
"""The same of answers to variants, where these are run; the second with faults."""
ALL_OF_RUNS = (*OF_RUNS, *OF_MUTANTS, *OF_VARIANTS)
VIOLATED = "_violated"
_ENDS = ("", "_low", "_high")
_OLD = {
    f"{clean}{relation}{end}": f"{clean}{relation}{VIOLATED}{end}"
    for clean in ("", "clean_")
    for relation in RELATIONS
    for end in _ENDS
}


def violated(relation: str) -> str:
    """The name of the share of inputs that violate a relation."""
    return relation + VIOLATED


def renamed(name: str) -> str:
    """What a metric of an older file, or the end of its interval, is called now."""
    return _OLD.get(name, name)


def all_renamed(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping by metric under the names of now."""
    return {renamed(name): value for name, value in metrics.items()}
