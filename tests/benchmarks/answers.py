"""How long one answer takes by torch, by the ONNX graph over its cache, and by its 8-bit copy; and from the shell.

    python tests/benchmarks/answers.py [--quick]

The packaged teacher on prompts of its own length, one thread: the median of a greedy answer of 20 tokens and of a
search with five beams; then `kdray predict` on the same folder, with its graph and without, the smallest of three.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

TEST = "def test_total():\n    items = [1, 2]\n    <ASSERT>\n"
TOKENS, PROMPT = 20, 120


def median_ms(work: Callable[[], object], runs: int) -> float:
    work()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def from_shell(folder: Path, runs: int) -> float:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        call = [sys.executable, "-m", "kdray", "predict", str(folder)]
        subprocess.run(call, input=TEST, text=True, capture_output=True, check=True, env=environment)
        times.append(time.perf_counter() - started)
    return min(times)


def measured(folder: Path, runs: int) -> dict[str, Any]:
    import numpy as np

    from kdray.handover import onnx
    from kdray.handover.beams import beams, greedy
    from kdray.handover.graph import FOLDER, INT8, Graph
    from kdray.handover.torch_writer import TorchWriter
    from kdray.students.load import load_model, load_task

    model = load_model(folder)
    task = load_task(model, folder)
    prompt = np.random.default_rng(0).integers(3, 4000, PROMPT).astype(np.int32)
    shell = {"torch": from_shell(folder, runs)}
    onnx.write(model, task, [prompt[:20], prompt], folder)
    onnx.quantise(folder)
    writers = {"torch": TorchWriter(model, task.pad_id), "graph": Graph(folder), "int8": Graph(folder, INT8)}
    # The unknown token, which is never written, ends an answer: all are of one length.
    asked = {"end_ids": {1}, "max_new_tokens": TOKENS}
    found = {
        name: {
            "greedy_ms": median_ms(lambda w=writer: greedy(w, prompt, **asked), runs),
            "beams_ms": median_ms(lambda w=writer: beams(w, prompt, count=5, **asked), runs),
        }
        for name, writer in writers.items()
    }
    shell["graph"] = from_shell(folder, runs)
    shutil.rmtree(folder / FOLDER)
    return {**found, "shell_s": shell}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    runs = 3 if parser.parse_args().quick else 9
    with tempfile.TemporaryDirectory() as work:
        folder = Path(shutil.copytree(ROOT / "kdray" / "demo" / "teacher", Path(work) / "teacher"))
        found = measured(folder, runs)
    for name in ("torch", "graph", "int8"):
        print(
            f"{name:<6} greedy {found[name]['greedy_ms']:7.1f} ms   beams {found[name]['beams_ms']:7.1f} ms"
        )
    print(f"kdray predict: torch {found['shell_s']['torch']:.1f} s, graph {found['shell_s']['graph']:.1f} s")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
