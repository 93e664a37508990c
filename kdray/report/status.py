"""How far a sweep is, read from its folder, also from another terminal while it runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kdray import results


def status_of(folder: str) -> dict[str, Any]:
    """Counts by state, the running trials with their rungs, and an estimate of what is left in seconds."""
    experiment = results.experiment(folder)
    records, asked = experiment.records, experiment.sweep.search.trials
    states = Counter(record.state for record in records)
    ended = [record for record in records if record.state != "running"]
    left = max(0, asked - len(ended))
    mean_s = sum(record.seconds for record in ended) / len(ended) if ended else None
    return {
        "name": experiment.sweep.name,
        "asked": asked,
        "states": {state: states[state] for state in ("complete", "pruned", "failed", "running")},
        "running": [
            {
                "trial": record.key,
                "step": record.metrics.get("step", 0),
                "of": record.trial["budget"]["steps"],
                **record.overrides,
            }
            for record in records
            if record.state == "running"
        ],
        "seconds_left": None
        if mean_s is None
        else round(left * mean_s / experiment.sweep.resources.max_concurrent),
    }


def status_table(found: dict[str, Any]) -> str:
    """The status in words."""
    counts = ", ".join(f"{count} {state}" for state, count in found["states"].items() if count)
    lines = [f"{found['name']}: {counts or 'nothing yet'} of {found['asked']} asked"]
    for one in found["running"]:
        point = "  ".join(
            f"{key}={value}" for key, value in one.items() if key not in ("trial", "step", "of")
        )
        lines.append(f"  {one['trial']}  step {one['step']} of {one['of']}  {point}")
    if found["seconds_left"]:
        lines.append(f"about {found['seconds_left']} s left")
    return "\n".join(lines)
