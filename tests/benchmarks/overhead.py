"""What the search adds to the training itself.

`python tests/benchmarks/overhead.py [--quick]` trains the same trials bare, one after the other in this process;
as a sweep with one worker; and nested, each in a Ray Train trainer that a Tune function starts, as Ray
recommends. A trial is a real one (student, shards, DeepSpeed, suite) of about 20 s on one thread; `--quick`
takes two of about 2 s. Nesting is measured on three of the five trials, beside the same three bare.
`ratio_to_bare` and `ratio_nested_train` are wall time, Ray's start included, over the bare sum; `fixed_cost_s`
is what lies between one trial's end and the next one's, beyond its own training, in a worker that has trained
before.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PYTHONPATH"] = os.pathsep.join([sys.path[0], *filter(None, [os.environ.get("PYTHONPATH")])])

from kdray.config import Sweep, Trial, as_data, merge, parse
from tests import world
from tests.benchmarks.cells import Cells, add_options


def prepared(root: Path) -> Sweep:
    """A sweep over a small world made below `root`: corpus, teacher, signal, suite."""
    from kdray.corpus.mine import mine
    from kdray.corpus.store import write_corpus
    from kdray.pipeline.prepare import prepare
    from kdray.train.teacher import train_teacher

    source = world.write_tests(root / "shop")
    write_corpus(root / "corpus", mine([str(source)], processes=1), ["shop"])
    train_teacher(world.recipe(root / "corpus"), root / "teacher")
    prepare(world.sweep(root))
    return world.sweep(root)


def seconds_of(trial: Trial) -> float:
    """Wall time of one training in this process."""
    import torch

    from kdray.train import train

    torch.set_num_threads(1)
    begin = time.perf_counter()
    train(trial)
    return time.perf_counter() - begin


def as_long_as(trial: Trial, seconds: float) -> Trial:
    """The trial with the steps that take about so long here."""
    seconds_of(_of_steps(trial, 10))
    few, many = seconds_of(_of_steps(trial, 10)), seconds_of(_of_steps(trial, 110))
    return _of_steps(trial, max(10, round((seconds - few) / (many - few) * 100)))


def _of_steps(trial: Trial, steps: int) -> Trial:
    return merge(trial, {"budget": {"steps": steps, "rungs": []}})


def swept(sweep: Sweep, folder: Path) -> tuple[float, float, float]:
    """Seconds of the whole sweep, before the first training, and from one training to the next (the mean)."""
    from kdray.workers.runner import run

    begin = time.perf_counter()
    ends: list[tuple[float, float]] = []

    def watch(event: Any) -> None:
        if event.kind == "complete":
            ends.append((time.perf_counter(), event.detail["metrics"]["seconds"]))

    run(sweep, folder, on_event=watch)
    whole = time.perf_counter() - begin
    gaps = [now - before - seconds for (before, _), (now, seconds) in pairwise(ends)]
    return whole, ends[0][0] - begin - ends[0][1], sum(gaps) / len(gaps)


def nested(trial: Trial, trials: int, folder: Path) -> float:
    """Wall time of the same trials, each in a Ray Train trainer started by a Tune function."""
    import ray
    from ray import tune

    data = as_data(trial)

    def inner(config: dict[str, Any]) -> None:
        seconds_of(parse(Trial, data, "nested"))

    def outer(config: dict[str, Any]) -> None:
        from ray.train import RunConfig, ScalingConfig
        from ray.train.torch import TorchTrainer

        where = RunConfig(storage_path=str(folder / "train"), name=f"nested-{config['number']}")
        TorchTrainer(inner, scaling_config=ScalingConfig(num_workers=1), run_config=where).fit()

    begin = time.perf_counter()
    ray.init(
        address="local", num_cpus=4, include_dashboard=False, configure_logging=False, log_to_driver=False
    )
    tune.Tuner(
        outer,
        param_space={"number": tune.grid_search(list(range(trials)))},
        tune_config=tune.TuneConfig(max_concurrent_trials=1),
        run_config=tune.RunConfig(storage_path=str(folder / "tune"), verbose=0),
    ).fit()
    whole = time.perf_counter() - begin
    ray.shutdown()
    return whole


def ours(sweep: Sweep, trial: Trial, trials: int, folder: Path) -> dict[str, float]:
    """Seconds of the trainings bare (half before the sweep and half after it: the machine's pace drifts), of the
    sweep, and between two trials.
    """
    before = trials // 2
    bare = sum(seconds_of(trial) for _ in range(before))
    data = as_data(sweep) | {
        "name": "overhead",
        "trial": as_data(trial),
        "space": {"seed": {"choices": list(range(trials))}},
        "search": {"sampler": "grid", "trials": trials, "halving": False},
        "constraints": {},
        "resources": {"max_concurrent": 1},
    }
    whole, first, fixed = swept(parse(Sweep, data, "overhead"), folder / "sweep")
    bare += sum(seconds_of(trial) for _ in range(trials - before))
    return {"bare": bare, "whole": whole, "first": first, "fixed": fixed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    add_options(parser)
    options = parser.parse_args()
    cells = Cells(options.cells, options.minutes)
    warnings.simplefilter("ignore")
    trials, few, seconds = (2, 1, 2.0) if options.quick else (5, 3, 20.0)
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        sweep = prepared(folder)
        trial = as_long_as(sweep.trial, seconds)
        own = cells.get("ours", trials, compute=lambda: ours(sweep, trial, trials, folder))
        print(f"bare     {own['bare']:8.2f} s for {trials} trials")
        print(
            f"kdray    {own['whole']:8.2f} s, {own['first']:.1f} s before the first training, "
            f"{own['fixed']:.3f} s from one to the next",
            flush=True,
        )

        def both() -> dict[str, float]:
            return {
                "bare": sum(seconds_of(trial) for _ in range(few)),
                "whole": nested(trial, few, folder),
            }

        inner = cells.get("nested", few, compute=both)
        print(f"bare     {inner['bare']:8.2f} s for {few} trials")
        print(f"nested   {inner['whole']:8.2f} s")
    answer = {
        "ratio_to_bare": round(own["whole"] / own["bare"], 3),
        "fixed_cost_s": round(own["fixed"], 3),
        "first_trial_s": round(own["first"], 1),
        "ratio_nested_train": round(inner["whole"] / inner["bare"], 3),
        "trials": trials,
    }
    print(json.dumps(answer | ({"quick": True} if options.quick else {})))


if __name__ == "__main__":
    main()
