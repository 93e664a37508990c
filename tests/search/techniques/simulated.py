"""Sweeps over classifiers whose training is a formula, run by the project's own coordinator in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna

from kdray.config import Sweep, merge, sweep_from
from kdray.experiment.coordinator import Coordinator
from kdray.experiment.job import Job
from kdray.experiment.study import Study
from kdray.search import space
from kdray.search.constraints import Gate
from kdray.search.techniques.genes import Genes
from kdray.students.published_cost import published_costs
from tests.simulate import simulate

STUDENT = {
    "family": "roberta", "snippets": 1, "layers": 2, "hidden": 96, "heads": 4, "feed_forward": 64,
    "tokenizer": "bpe", "vocab": 2000,
}  # fmt: skip
SPACE: dict[str, Any] = {
    "student.tokenizer": ["bpe", "wordpiece", "unigram", "word"],
    "student.vocab": {"range": [1000, 30000], "step": 1000},
    "student.layers": {"range": [1, 12]},
    "student.hidden": {"range": [16, 256], "step": 4},
    "student.heads": {"range": [1, 12]},
    "student.dropout": {"range": [0.2, 0.5], "step": 0.1},
}


def make(name: str, trials: int, *, only: Mapping[str, Any] | None = None, **params: Any) -> Sweep:
    """A sweep with a technique as its sampler."""
    return sweep_from(
        {
            "name": name,
            "trial": {
                "task": "vulnerability", "shards": "a", "suite": "b", "student": STUDENT,
                "distil": {"alpha": 1.0}, "budget": {"steps": 4},
            },
            "space": SPACE if only is None else dict(only),
            "objectives": {"accuracy": "max", "flips": "min", "size_mb": "min", "gflops": "min"},
            "search": {"sampler": name, "sampler_params": params, "trials": trials, "halving": False},
        },
        "test",
    )  # fmt: skip


def marks_of(student: Any) -> dict[str, float]:
    """More layers are more accurate, a larger vocabulary flips more."""
    accuracy = 0.5 + 0.03 * student.layers + 0.0004 * student.hidden - 0.1 * student.dropout
    flips = 1e-6 * student.vocab + 0.001 * student.heads
    return {"accuracy": accuracy, "flips": flips, **published_costs(student, 0)}


def marks(point: Mapping[str, Any]) -> list[float]:
    """The objectives of a point."""
    return list(marks_of(merge(make("random", 1).trial, point).student).values())


def train(job: Job, rung: int) -> tuple[Mapping[str, Any], float]:
    """Every training takes a second."""
    return {"step": rung, **marks_of(job.trial.student)}, 1.0


def run(sweep: Sweep, storage: Any = None, until_s: float = float("inf"), workers: int = 1) -> list[Any]:
    """The points of a sweep in the order in which they began."""
    storage = storage or optuna.storages.InMemoryStorage()
    points = space.build(sweep)
    study = Study(storage, sweep, points)
    coordinator = Coordinator(sweep, study, None, Gate(sweep))
    coordinator.reconcile()
    simulate(coordinator, train, workers, until_s)
    return [points.point(trial.params) for trial in study.trials()]


def genes(sweep: Sweep) -> Genes:
    """The genes of a sweep."""
    return Genes(space.build(sweep), Gate(sweep).refusal)
