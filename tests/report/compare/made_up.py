"""Made-up students, and the question about them as a user asks it."""

from __future__ import annotations

from kdray.report.compare import comparisons
from kdray.report.csv_table import to_csv
from kdray.report.front import front
from kdray.results import TrialRecord

BOTH = {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}


def trial(
    number, alpha, seed, accuracy, discrepancy, half=0.04, shards="runs/d/head", state="complete", **more
):
    """A made-up student; `half` is that of its accuracy's interval."""
    settings = {"distil": {"alpha": alpha, "temperature": 1.0}, "seed": seed, "shards": shards}
    chosen = {"distil.alpha": alpha, "seed": seed, "shards": shards}
    rung = {
        "step": 9, "assertion_accuracy": accuracy, "metamorphic_discrepancy": discrepancy,
        "student_params": 1_000_000,
        "intervals": {"assertion_accuracy": [accuracy - half, accuracy + half]}, **more,
    }  # fmt: skip
    return TrialRecord(f"t{number:04d}", number, state, chosen, settings, (rung,))


GRID = [
    trial(0, 0.5, 0, 0.30, 0.5),
    trial(1, 0.5, 1, 0.32, 0.6),
    trial(2, 0.5, 2, 0.31, 0.4),
    trial(3, 0.0, 0, 0.20, 0.7),
    trial(4, 0.0, 1, 0.99, 0.7, state="pruned"),
]
TEACHER = {"teacher": {"assertion_accuracy": 0.4, "intervals": {"assertion_accuracy": [0.37, 0.43]}}}


def table(tmp_path, records=GRID, references=TEACHER, name="grid"):
    """Written as a table; its path."""
    path = tmp_path / f"{name}.csv"
    path.write_text(to_csv(front(records, BOTH), records, references), newline="")
    return str(path)


def ask(locations, **changes):
    asked = {
        "by": None,
        "show": None,
        "near": None,
        "against": None,
        "objectives": None,
        "where": (),
        "form": "markdown",
    }
    return comparisons.of_students(locations, **{**asked, **changes})
