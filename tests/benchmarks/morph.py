"""The published numbers again: the cost formula, Compressor's search, the surrogates on MORPH's rows, and the
searches of MORPH, AVATAR, NSGA-II and this project on them at equal evaluations.

`python tests/benchmarks/morph.py [--quick]`, rows in ../shared (without them it says so). What a search is asked
to optimise is itself a model: gradient boosting fitted to all rows of a cell, as MORPH uses. Every search goes
through the project's own coordinator over the space of `sweeps/morph*.yaml`, one trial at a time. Quality is the
hypervolume of (log size, flips, log FLOPs, accuracy), each between 0 and 1 over all that was evaluated, as a
share of that of all runs together with a long AGE-MOEA on the model itself. MORPH's grid search for its surrogate
of flips is left out. Some six minutes on one core, in pieces with `--cells`.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
if (here := str(Path(__file__).resolve().parent)) in sys.path:
    sys.path.remove(here)  # its signal.py is not Python's

from tests.benchmarks.cells import Cells, add_options
from tests.benchmarks.morph_rows import CELLS, DATA, ROOT, Cell, read_cell

CHECKS = ((768, 12, 514, 50265, 3072, 12), (96, 12, 514, 1000, 64, 8))
"""h, l, s, v, i, a: CodeBERT, and Compressor's student of 3 MB."""
SEARCHES = ("surrogate", "morph", "avatar", "nsga2", "random")
SETTINGS: dict[str, dict[str, Any]] = {"morph": {"samples": 50, "tuned": False}, "avatar": {"samples": 20}}
BUDGETS = (60, 100)
SMALL_MB = 3.06
FOLDS, REPEATS = 5, 5
PUBLISHED_GFLOPS = 2.253


def cost_checks() -> list[dict[str, float]]:
    """Size and FLOPs of the two published architectures."""
    from kdray.students.published_cost import Shape, published_flops, published_megabytes

    found = []
    for h, l, s, v, i, a in CHECKS:  # noqa: E741 - the papers' letters
        shape = Shape(hidden=h, layers=l, positions=s, vocab=v, feed_forward=i, heads=a)
        found.append({"mb": published_megabytes(shape), "gflops": published_flops(shape) / 1e9})
    return found


def compressor(seed: int, searches: int) -> dict[str, Any]:
    """Compressor's best student of 3 MB."""
    from kdray.config import load_sweep
    from kdray.search import space
    from kdray.search.constraints import Gate
    from kdray.search.techniques.by_name import make_technique
    from kdray.search.techniques.compressor import Compressor
    from kdray.search.techniques.costs import Costs
    from kdray.search.techniques.genes import Genes

    sweep = load_sweep(ROOT / "sweeps" / "compressor.yaml")
    params = {**sweep.search.sampler_params, "searches": searches}
    search = sweep.search.model_copy(update={"seed": seed, "sampler_params": params})
    sweep = sweep.model_copy(update={"search": search})
    points, gate = space.build(sweep), Gate(sweep)
    technique = make_technique(sweep, points, gate.refusal)
    assert isinstance(technique, Compressor)
    best, genes = technique.best(3.0), Genes(points, gate.refusal)
    costs = Costs(sweep, genes, whole_table=True).of(genes.rows([best]))
    return {"point": best, "mb": float(costs["size_mb"][0]), "gflops": float(costs["gflops"][0])}


def fittest() -> dict[str, float]:
    """Of all genomes of Compressor: the fittest for 3 MB, and the most GFLOPs within 2 % of it."""
    from kdray.students.published_cost import Shape, published_flops, published_params

    axes = (range(16, 769, 16), range(1, 13), range(1000, 51000, 1000), range(32, 3041, 32), (1, 2, 4, 8))
    h, l, v, i, a = np.meshgrid(*map(np.array, axes), indexing="ij", sparse=True)  # noqa: E741 - as above
    shape: Any = Shape(hidden=h, layers=l, positions=514, vocab=v, feed_forward=i, heads=a)
    mb, gflops = np.broadcast_arrays(published_params(shape) * 4e-6, published_flops(shape) * 1e-9)
    best = (gflops - np.abs(mb - 3.0)).argmax()
    within = float(gflops[np.abs(mb - 3.0) <= 0.06].max())
    return {"mb": float(mb.flat[best]), "gflops": float(gflops.flat[best]), "gflops_within_2_percent": within}


def surrogates(cell: Cell, repeats: int) -> dict[str, dict[str, list[float]]]:
    """Objective -> model -> cross-validated R2 and rank correlation, means over repeats of all predictions."""
    from scipy.stats import spearmanr
    from sklearn.metrics import r2_score
    from sklearn.model_selection import KFold

    from kdray.search.techniques import surrogates as models

    x_CG = cell.genes.numbers(cell.genes.rows(cell.points))
    found: dict[str, dict[str, list[float]]] = {}
    for m, name in enumerate(("accuracy", "flips")):
        y_C = cell.values[:, m]
        boosted = models.boosted_share(0) if name == "accuracy" else models.boosted(0, tuned=False)
        for model, estimator in {"ridge": models.ridge(), "boosted": boosted, "gaussian": None}.items():
            marks = []
            for repeat in range(repeats):
                told_C = np.empty_like(y_C)
                for known, asked in KFold(FOLDS, shuffle=True, random_state=repeat).split(x_CG):
                    if estimator is None:
                        told_C[asked] = gaussian(cell, known, asked, y_C[known])
                    else:
                        told_C[asked] = estimator.fit(x_CG[known], y_C[known]).predict(x_CG[asked])
                marks.append([r2_score(y_C, told_C), spearmanr(y_C, told_C).statistic])
            found.setdefault(name, {})[model] = [round(float(mean), 3) for mean in np.mean(marks, axis=0)]
    return found


def gaussian(cell: Cell, known: Any, asked: Any, y_C: Any) -> Any:
    """What this project's Gaussian process says of some rows of a cell when it knows others."""
    from kdray.search import space
    from kdray.search.coordinates import Coordinates
    from kdray.search.gaussian import Hyper, Process, fit

    coordinates = Coordinates(space.build(cell.sweep))
    x_CF = coordinates.features(np.stack([coordinates.row(point) for point in cell.points]))
    mean, spread, extra_C = y_C.mean(), y_C.std() or 1.0, np.zeros(len(y_C))
    inputs = x_CF[known], (y_C - mean) / spread, extra_C, coordinates.groups_F
    hyper = fit(*inputs, Hyper.start(len(cell.genes.paths)), 100)
    return Process(*inputs, hyper).predict(x_CF[asked])[0] * spread + mean


@cache
def truth(name: str) -> Any:
    """A cell, and the model of it that the searches are asked about: rows of genes -> losses [C, 4]."""
    from kdray.search.techniques import surrogates as models
    from kdray.search.techniques.costs import Costs

    cell = read_cell(name)
    x_CG = cell.genes.numbers(cell.genes.rows(cell.points))
    accuracy = models.boosted_share(0).fit(x_CG, cell.values[:, 0])
    flips = models.boosted(0, tuned=False).fit(x_CG, cell.values[:, 1])
    costs = Costs(cell.sweep, cell.genes)

    def losses(rows_CG: Any) -> Any:
        known, x_CG = costs.of(rows_CG), cell.genes.numbers(rows_CG)
        told = (known["size_mb"], np.maximum(flips.predict(x_CG), 0.0), known["gflops"])
        return np.stack([*told, -accuracy.predict(x_CG)], axis=1)

    return cell, losses


def search(name: str, sampler: str, seed: int, trials: int) -> list[list[float]]:
    """The losses of a search's trials in order."""
    import optuna

    from kdray.experiment.coordinator import Coordinator
    from kdray.experiment.study import Study
    from kdray.search import space
    from kdray.search.constraints import Gate
    from tests.simulate import simulate

    cell, losses = truth(name)
    changed = {
        "sampler": sampler, "sampler_params": SETTINGS.get(sampler, {}), "trials": trials, "seed": seed,
    }  # fmt: skip
    sweep = cell.sweep.model_copy(update={"search": cell.sweep.search.model_copy(update=changed)})
    points = space.build(sweep)
    study = Study(optuna.storages.InMemoryStorage(), sweep, points)
    found: list[list[float]] = []

    def train(job: Any, rung: int) -> tuple[dict[str, float], float]:
        point = points.point(study.trial(job.key).params)
        size, flips, gflops, minus = map(float, losses(cell.genes.rows([point]))[0])
        found.append([size, flips, gflops, minus])
        return {"step": rung, "size_mb": size, "flips": flips, "gflops": gflops, "accuracy": -minus}, 1.0

    simulate(Coordinator(sweep, study, None, Gate(sweep)), train, 1)
    return found


def best_known(name: str, generations: int) -> list[list[float]]:
    """The front of a long AGE-MOEA that asks the model itself."""
    from kdray.search import space
    from kdray.search.constraints import Gate
    from kdray.search.techniques.by_name import make_technique

    cell, losses = truth(name)
    params = {"samples": 1, "population": 200, "generations": generations, "tuned": False}
    changed = cell.sweep.search.model_copy(update={"sampler_params": params})
    sweep = cell.sweep.model_copy(update={"search": changed})
    technique: Any = make_technique(sweep, space.build(sweep), Gate(sweep).refusal)
    return losses(technique.search(losses)).tolist()  # type: ignore[no-any-return]


def compare(
    cells: Cells, name: str, seeds: int, budgets: tuple[int, ...], generations: int
) -> dict[str, Any]:
    """Sampler -> share of the hypervolume after each budget, and what it found in 3 MB; means over seeds."""
    import moocore

    runs = {
        (sampler, seed): cells.get(
            "search", name, sampler, seed, max(budgets),
            compute=lambda: search(name, sampler, seed, max(budgets)),  # noqa: B023 - called at once
        )
        for sampler in SEARCHES
        for seed in range(seeds)
    }  # fmt: skip
    known = cells.get("known", name, generations, compute=lambda: best_known(name, generations))
    everything = np.concatenate([np.array(losses) for losses in [*runs.values(), known]])

    def unit(losses: Any) -> Any:
        scaled, bounds = np.array(losses), everything.copy()
        for one in (scaled, bounds):
            one[:, [0, 2]] = np.log(one[:, [0, 2]])
        return (scaled - bounds.min(axis=0)) / (bounds.max(axis=0) - bounds.min(axis=0))

    whole = moocore.hypervolume(unit(everything), ref=[1.0] * 4)
    found: dict[str, Any] = {}
    for sampler in SEARCHES:
        mine = [np.array(runs[sampler, seed]) for seed in range(seeds)]
        shares = [
            [moocore.hypervolume(unit(losses[:budget]), ref=[1.0] * 4) / whole for budget in budgets]
            for losses in mine
        ]
        # The most accurate student of that size: one with the fewest flips may say the same to everything.
        small = [min(losses[losses[:, 0] <= SMALL_MB].tolist(), key=lambda one: one[3]) for losses in mine]
        found[sampler] = {
            "share": dict(zip(map(str, budgets), np.round(np.mean(shares, axis=0), 3).tolist(), strict=True)),
            "share_by_seed": np.round([each[-1] for each in shares], 3).tolist(),
            "accuracy_3mb": round(float(np.mean([-one[3] for one in small])), 4),
            "flips_3mb": round(float(np.mean([one[1] for one in small])), 1),
        }
    return found


def report(cells: Cells, name: str, seeds: int, quick: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Prints and returns what was found out about a cell: its surrogates, and the searches on it."""
    cell, repeats = read_cell(name), 1 if quick else REPEATS
    print(f"\n{name}: {len(cell.points)} rows, {len(cell.refused)} refused")
    marks = cells.get("surrogates", name, repeats, compute=lambda: surrogates(cell, repeats))
    for objective, models in marks.items():
        shown = (f"{model} R2 {r2:.2f} rank {rank:.2f}" for model, (r2, rank) in models.items())
        print(f"  {objective:<9} " + "  ".join(shown))
    found = compare(cells, name, seeds, BUDGETS[:1] if quick else BUDGETS, 50 if quick else 300)
    for sampler, one in found.items():
        shares = "  ".join(f"{budget}: {share:.3f}" for budget, share in one["share"].items())
        small = f"accuracy {one['accuracy_3mb']:.4f}, flips {one['flips_3mb']:.1f}"
        print(f"  {sampler:<10} {shares}   in 3 MB: {small}", flush=True)
    return marks, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--genetic-seeds", type=int, default=10, help="of Compressor's search")
    add_options(parser)
    options = parser.parse_args()
    if not DATA.exists():
        print(json.dumps({"skipped": f"{DATA} is not there"}))
        return
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    cells = Cells(options.cells, options.minutes)
    quick = options.quick
    names, seeds = list(CELLS)[: 1 if quick else 4], 1 if quick else options.seeds
    answer: dict[str, Any] = {"cost": cost_checks(), "compressor": {}, "surrogates": {}, "searches": {}}
    for check in answer["cost"]:
        print(f"cost        {check['mb']:.2f} MB  {check['gflops']:.2f} GFLOPs")
    answer["fittest"] = fittest()
    print("compressor  of all genomes " + "  ".join(f"{k} {v:.3f}" for k, v in answer["fittest"].items()))
    for searches in (10,) if quick else (10, 50):
        found = [
            cells.get("compressor", seed, searches, compute=lambda: compressor(seed, searches))  # noqa: B023
            for seed in range(1 if quick else options.genetic_seeds)
        ]
        # Less what the search itself weighs: a GFLOP for a MB off the target.
        worth = [one["gflops"] - abs(one["mb"] - 3.0) for one in found]
        reached = sum(
            value >= PUBLISHED_GFLOPS - abs(answer["cost"][1]["mb"] - 3.0) - 1e-3 for value in worth
        )
        answer["compressor"][str(searches)] = {"reached": reached, "seeds": len(found), "found": found}
        print(f"compressor  best of {searches}: {reached} of {len(found)} seeds reach the published student")
    for name in names:
        answer["surrogates"][name], answer["searches"][name] = report(cells, name, seeds, quick)
    last = str((BUDGETS[:1] if quick else BUDGETS)[-1])
    answer["mean_share"] = {
        sampler: round(
            float(np.mean([answer["searches"][name][sampler]["share"][last] for name in names])), 3
        )
        for sampler in SEARCHES
    }
    print(f"\nmean share at {last}: " + "  ".join(f"{s} {v:.3f}" for s, v in answer["mean_share"].items()))
    answer |= {"seeds": seeds} | ({"quick": True} if quick else {})
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
