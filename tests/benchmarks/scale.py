"""What a large sweep costs the driver: time to ask for a trial and tell its end, to resume, and memory.

`python tests/benchmarks/scale.py [--quick] [--sampler NAME] [--most N]`: simulated trials that report twice and
end, with the default sampler, a journal in a temporary folder and 8 workers, up to 10,000 of them; `--quick` stops
at 300. Each size goes on from the one before, which is what is resumed.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kdray.config import Sweep, sweep_from
from tests.benchmarks.untrained import trial_data


def sweep_of(trials: int, sampler: str) -> Sweep:
    """Five settings of a trial that nobody trains."""
    return sweep_from(
        {
            "name": "scale",
            "trial": trial_data(64, budget={"steps": 2, "rungs": [1, 2]}),
            "space": {
                "distil.alpha": {"range": [0.0, 1.0]},
                "distil.temperature": {"range": [0.5, 8.0], "log": True},
                "optim.lr": {"range": [1e-4, 1e-2], "log": True},
                "student.hidden": [32, 64, 96, 128],
                "student.heads": {"range": [1, 8]},
            },
            "search": {"trials": trials, "sampler": sampler},
        },
        "benchmark",
    )


def train(job: Any, rung: int) -> tuple[dict[str, float], float]:
    """Made-up metrics, with noise that depends on the trial alone."""
    rng = np.random.default_rng(int(job.key[1:]))
    accuracy = 0.3 * rung * (1 - (job.trial.distil.alpha - 0.4) ** 2) * job.trial.student.hidden / 128
    discrepancy = 1 - accuracy * job.trial.distil.temperature / 8
    noise = 0.05 * rng.standard_normal(2)
    metrics = {
        "step": rung,
        "assertion_accuracy": accuracy + noise[0],
        "metamorphic_discrepancy": discrepancy + noise[1],
    }
    return metrics, float(rng.lognormal())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sampler", default="surrogate")
    parser.add_argument("--most", type=int, default=10_000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    from kdray.workers import ray_session

    ray_session.quiet()
    most = 300 if options.quick else options.most
    sizes = [size for size in (100, 300, 1000, 3000, 10_000) if size <= most]
    columns: dict[str, list[Any]] = {"trials": sizes, "ask_tell_ms": [], "resume_s": [], "peak_mb": []}
    with tempfile.TemporaryDirectory() as folder:
        before = 0
        for size in sizes:
            begin = time.perf_counter()
            coordinator = open_coordinator(sweep_of(size, options.sampler), Path(folder))
            columns["resume_s"].append(round(time.perf_counter() - begin, 2))
            begin = time.perf_counter()
            from tests.simulate import simulate

            simulate(coordinator, train, workers=8)
            each = 1000 * (time.perf_counter() - begin) / (size - before)
            columns["ask_tell_ms"].append(round(each, 1))
            columns["peak_mb"].append(round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
            before = size
            journal = (Path(folder) / "study.journal").stat().st_size / 1e6
            print(
                f"up to {size:>6} trials: {each:8.1f} ms a trial, resumed in {columns['resume_s'][-1]:6.2f} s, "
                f"{columns['peak_mb'][-1]} MB, journal {journal:.1f} MB",
                flush=True,
            )
    print(json.dumps(columns | {"sampler": options.sampler} | ({"quick": True} if options.quick else {})))


def open_coordinator(sweep: Sweep, folder: Path) -> Any:
    """A coordinator on the journal in `folder`, without trial folders."""
    from kdray.experiment.coordinator import Coordinator
    from kdray.experiment.study import Study
    from kdray.experiment.study_storage import open_storage
    from kdray.search import space
    from kdray.search.constraints import Gate

    study = Study(open_storage(sweep, folder), sweep, space.build(sweep))
    coordinator = Coordinator(sweep, study, None, Gate(sweep))
    coordinator.reconcile()
    return coordinator


if __name__ == "__main__":
    main()
