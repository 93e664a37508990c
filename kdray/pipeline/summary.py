"""A launched sweep in words and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdray.config import accuracy_of
from kdray.pipeline.launching import Launched
from kdray.report.formats import summary as sweep_summary
from kdray.report.front import Front, front


def front_of(launched: Launched) -> Front:
    """The front under the sweep's own objectives."""
    return front(launched.records, launched.sweep.objectives)


def summary(launched: Launched, marks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Machine-readable: seconds per stage, teacher and baselines, signal, trials, front, hypervolume."""
    signal, accuracy = launched.prepared.signal, launched.sweep.trial.accuracy
    return {
        "folder": launched.folder,
        "seconds": {name: round(value, 1) for name, value in launched.seconds.items()},
        "teacher": {
            "params": signal.teacher_params,
            "accuracy": marks["teacher"][accuracy],
            "interval": marks["teacher"]["intervals"][accuracy],
            "baselines": {
                name: metrics[accuracy]
                for name, metrics in marks.items()
                if name != "teacher" and accuracy in metrics
            },
        },
        "signal": {
            "codec": signal.codec_name,
            "bytes_per_token": signal.signal_bytes / signal.tokens,
            "rows": signal.rows,
            "tokens": signal.tokens,
            "bytes": signal.bytes,
        },
        **sweep_summary(front_of(launched), launched.records, marks),
        "trials": [trial_summary(record) for record in launched.records],
    }


def trial_summary(record: Any) -> dict[str, Any]:
    """One trial: what it was and what it reached."""
    metrics, distil = record.metrics, record.trial["distil"]
    accuracy = accuracy_of(record.trial.get("task", "assertion"))
    names = (accuracy, "metamorphic_discrepancy", "agreement", "violating_share")
    return {
        "trial": record.key,
        "state": record.state,
        "params": metrics.get("student_params"),
        "alpha": distil["alpha"],
        "temperature": distil["temperature"],
        "student": record.trial["student"],
        **{name: metrics.get(name) for name in names},
        "seconds": record.seconds,
        "reason": record.reason,
    }
