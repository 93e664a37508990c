"""How long a report takes: a simulated sweep of 5,000 trials, from its folder to the page on disk.

`python tests/benchmarks/report.py [--quick]`; `--quick` takes 500 trials. Writing the simulated folder is not
counted. The seconds are wall time of this process: read, front, uncertainty, effects, importance, page.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kdray import results
from kdray.report import csv_table, formats, html
from kdray.report.front import front
from tests.report.simulated import simulate


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    trials = 500 if quick else 5000
    with tempfile.TemporaryDirectory() as root:
        folder = simulate(Path(root) / "sweep", trials)
        times = {}

        def lap(name: str, since: float) -> float:
            now = time.perf_counter()
            times[name] = now - since
            print(f"{name:<24}{now - since:8.2f} s")
            return now

        begin = time.perf_counter()
        experiment = results.experiment(folder)
        at = lap("read the folder", begin)
        found = front(experiment.records, experiment.sweep.objectives)
        at = lap("front and hypervolume", at)
        html.write(Path(root) / "front.html", experiment, found)
        at = lap("page", at)
        csv_table.to_csv(found, experiment.records)
        formats.to_json(found, experiment.records, experiment.baselines)
        at = lap("CSV and JSON", at)
        size = (Path(root) / "front.html").stat().st_size / 1e6
    print(f"{'together':<24}{at - begin:8.2f} s\n{'page':<24}{size:8.2f} MB")
    print(
        json.dumps(
            {"trials": trials, "seconds": round(at - begin, 3), "html_mb": round(size, 3), "quick": quick}
        )
    )


if __name__ == "__main__":
    main()
