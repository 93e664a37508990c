"""What early stopping is worth: the front of fully trained networks that a budget of 25 full trainings buys.

`python tests/benchmarks/halving.py [--quick]` on a surrogate of LCBench (see `lcbench.py`); losses 1 - accuracy
and cross-entropy, rungs at 1, 2, 6, 17 and 52 epochs, four asynchronous workers in simulated time, equal epochs
for all. Only networks that reached epoch 52 count. The measure is the hypervolume over the best known one of the
task: that of everything any method of this run found and of 20,000 random configurations; each loss is scaled so
that the best known is 0 and the worst of the random ones is 1, reference (1, 1). About ten minutes, in pieces with
`--cells` (see `cells.py`).

kdray: the default sampler and halving. kdray_to_the_end: the same without halving. full_fidelity_tpe: Optuna's
multivariate TPE, every trial to the end. random_halving and random: random points with our halving and without.
ray_stock: Ray's OptunaSearch, which tells Optuna that a stopped trial is complete with what it reported last.
`_plain`: halving that trusts every rung, as in MO-ASHA; ray_stock has it too.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kdray import pareto
from kdray.config import Sweep, sweep_from
from tests.benchmarks import lcbench
from tests.benchmarks.cells import Cells, add_options
from tests.benchmarks.untrained import FREE, trial_data

FULL_TRAININGS, WORKERS, TRIALS = 25, 4, 400
BOTH = ["min", "min"]
Found = list[tuple[float, float]]


def sweep_of(sampler: str, seed: int, *, halving: bool, **search: Any) -> Sweep:
    """The task as a sweep: its parameters are settings of a trial that nobody looks at."""
    entries = lcbench.space()
    return sweep_from(
        {
            "name": "lcbench",
            "trial": trial_data(
                8,
                budget={"steps": lcbench.EPOCHS[-1], "rungs": list(lcbench.EPOCHS)},
                deepspeed={FREE: {name: entries[name]["default"] for name in lcbench.PARAMS}},
            ),
            "space": {
                f"deepspeed.{FREE}.{name}": {
                    "range": [entry["lower"], entry["upper"]],
                    "log": bool(entry.get("log")),
                }
                for name, entry in entries.items()
            },
            "objectives": {"error": "min", "cross_entropy": "min"},
            "search": {"sampler": sampler, "trials": TRIALS, "seed": seed, "halving": halving, **search},
        },
        "benchmark",
    )


class Meter:
    """Trains by looking up the curve, and counts epochs; past the budget nothing ever ends."""

    def __init__(self, task: int) -> None:
        self._task = task
        self._curves: dict[str, dict[int, tuple[float, float]]] = {}
        self.epochs = 0

    def __call__(self, job: Any, rung: int) -> tuple[dict[str, float], float]:
        if job.key not in self._curves:
            self._curves[job.key] = lcbench.curve(self._task, job.trial.deepspeed[FREE])
        before = max((epoch for epoch in lcbench.EPOCHS if epoch < rung), default=0)
        if self.epochs >= FULL_TRAININGS * lcbench.EPOCHS[-1]:
            return {"step": rung}, float("inf")
        self.epochs += rung - before
        error, cross_entropy = self._curves[job.key][rung]
        return {"step": rung, "error": error, "cross_entropy": cross_entropy}, float(rung - before)


def conducted(sampler: str, task: int, seed: int, *, halving: bool, **search: Any) -> Found:
    """A sweep of our own; the losses of the trials that were trained to the end."""
    import optuna

    from kdray.experiment.coordinator import Coordinator
    from kdray.experiment.study import Study
    from kdray.search import space
    from kdray.search.constraints import Gate
    from tests.simulate import simulate

    sweep = sweep_of(sampler, seed, halving=halving, **search)
    study = Study(optuna.storages.InMemoryStorage(), sweep, space.build(sweep))
    coordinator = Coordinator(sweep, study, None, Gate(sweep))
    simulate(coordinator, Meter(task), WORKERS, until_s=1e9)
    return [tuple(trial.values) for trial in study.trials(optuna.trial.TrialState.COMPLETE)]


def stock(task: int, seed: int) -> Found:
    """Ray's OptunaSearch under the same halving."""
    from ray.tune.search.optuna import OptunaSearch

    from kdray.experiment.job import Job
    from kdray.search import space
    from kdray.search.constraints import Gate
    from kdray.search.halving import Halving

    sweep = sweep_of("tpe", seed, halving=True)
    spaces = {d.path: d.distribution for d in space.build(sweep).dimensions}
    search = OptunaSearch(space=spaces, metric=["error", "cross_entropy"], mode=["min", "min"], seed=seed)
    halving, meter, gate = Halving(lcbench.EPOCHS, [1, 1], sweep.search.eta), Meter(task), Gate(sweep)
    busy: list[Any] = []
    found: Found = []
    clock, number = 0.0, 0

    def go(job: Any, rung: int) -> None:
        metrics, seconds = meter(job, rung)
        heapq.heappush(busy, (clock + seconds, job.key, rung, job, metrics))

    while True:
        while len(busy) < WORKERS:
            config = search.suggest(f"{number}")
            go(Job(f"{number}", gate.trial(dict(config)), 0), lcbench.EPOCHS[0])
            number += 1
        clock, key, rung, job, metrics = heapq.heappop(busy)
        if clock == float("inf"):
            return found
        values = (metrics["error"], metrics["cross_entropy"])
        if rung == lcbench.EPOCHS[-1]:
            found.append(values)
        elif halving.goes_on(key, rung, values):
            go(job, lcbench.EPOCHS[lcbench.EPOCHS.index(rung) + 1])
            continue
        search.on_trial_complete(key, {"error": values[0], "cross_entropy": values[1]})


def to_the_end(task: int, seed: int) -> Found:
    """Optuna's multivariate TPE with four workers, every trial to the end."""
    import optuna

    from kdray.search import space

    spaces = {d.path: d.distribution for d in space.build(sweep_of("tpe", seed, halving=False)).dimensions}
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    busy = [study.ask(spaces) for _ in range(WORKERS)]
    found: Found = []
    while len(found) < FULL_TRAININGS:
        trial = busy.pop(0)
        point = {path.removeprefix(f"deepspeed.{FREE}."): value for path, value in trial.params.items()}
        found.append(lcbench.curve(task, point)[lcbench.EPOCHS[-1]])
        study.tell(trial, found[-1])
        busy.append(study.ask(spaces))
    return found


def methods() -> dict[str, Callable[[int, int], Found]]:
    """Name -> (task, seed) -> losses."""
    return {
        "kdray": lambda task, seed: conducted("surrogate", task, seed, halving=True),
        "kdray_plain": lambda task, seed: conducted("surrogate", task, seed, halving=True, trust=-1),
        "kdray_to_the_end": lambda task, seed: conducted("surrogate", task, seed, halving=False),
        "full_fidelity_tpe": to_the_end,
        "random_halving": lambda task, seed: conducted("random", task, seed, halving=True),
        "random_halving_plain": lambda task, seed: conducted("random", task, seed, halving=True, trust=-1),
        "random": lambda task, seed: conducted("random", task, seed, halving=False),
        "ray_stock": stock,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=10)
    add_options(parser)
    options = parser.parse_args()
    cells = Cells(options.cells, options.minutes)
    if not lcbench.DATA.exists():
        print(json.dumps({"skipped": f"needs {lcbench.DATA}"}))
        return
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        print(json.dumps({"skipped": "pip install onnxruntime"}))
        return
    warnings.simplefilter("ignore")
    from optuna import logging

    logging.set_verbosity(logging.ERROR)
    num_tasks, seeds = (1, 1) if options.quick else (options.tasks, options.seeds)
    numbers = list(lcbench.tasks().values())
    tasks = [number for number in numbers if number > 0][:: max(1, len(numbers) // num_tasks)][:num_tasks]
    shares: dict[str, list[float]] = {name: [] for name in methods()}
    for task in tasks:
        found = {
            name: [
                cells.get(task, name, seed, compute=lambda: method(task, seed))  # noqa: B023 - called at once
                for seed in range(seeds)
            ]
            for name, method in methods().items()
        }
        measure = yardstick(task, [values for runs in found.values() for run in runs for values in run])
        for name, runs in found.items():
            shares[name] += [measure(run) for run in runs]
        shown = "  ".join(f"{name} {np.mean(values[-seeds:]):.3f}" for name, values in shares.items())
        print(f"task {task:<3} {shown}", flush=True)
    for name, values in shares.items():
        by_seed = np.reshape(values, (len(tasks), seeds)).mean(axis=0)
        error = by_seed.std(ddof=1) / seeds**0.5 if seeds > 1 else np.inf
        print(f"{name:<22} {np.mean(values):.4f} +- {error:.4f}")
    answer: dict[str, Any] = {name: round(float(np.mean(values)), 4) for name, values in shares.items()}
    answer |= {"tasks": len(tasks), "seeds": seeds}
    print(json.dumps(answer | ({"quick": True} if options.quick else {})))


def yardstick(task: int, found: Found) -> Callable[[Found], float]:
    """Losses -> the share of the best known hypervolume."""
    by_chance = lcbench.curves(task, lcbench.draw(np.random.default_rng(0), 20_000))[:, -1]
    known = np.concatenate([by_chance, np.array(found)]) if found else by_chance
    low, high = known.min(axis=0), by_chance.max(axis=0)
    whole = pareto.hypervolume((known - low) / (high - low), BOTH, [1.0, 1.0])

    def share(run: Found) -> float:
        scaled = (np.array(run).reshape(-1, 2) - low) / (high - low)
        return pareto.hypervolume(scaled, BOTH, [1.0, 1.0]) / whole

    return share


if __name__ == "__main__":
    main()
