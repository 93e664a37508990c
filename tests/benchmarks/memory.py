"""What training takes of the memory, and of the processor for it.

`python tests/benchmarks/memory.py [--quick] [--demo] [--out FOLDER]`, on the demo's data, which `--demo` leaves in
FOLDER (made there otherwise: corpus, signal and suite).

- `step`: the demo's first student in a process of its own, for each size of a micro-batch: peak of the process,
  what it held before the first step, and processor seconds a step, on one thread.
- `trials`: one process trains trial after trial as a worker does, 50 of them, of 4 steps each, and two
  evaluations: what the process holds after each, and the share by which the last five exceed the five after the
  first ten.
- `fit`: for each size of a vocabulary, what the `head` codec's fit to a capture's sample adds to the memory of a
  process of its own (256 rows of 47 targets; random logits, made anew each time they are read).
- `--demo`: the whole demo, `kdray demo`, from nothing, with the threads that a user's has: the peak over time
  of the memory of all its processes together, Ray's own included; and the largest process by name. Memory is
  PSS (a page that n processes share counts 1/n for each), sampled every four seconds; `rss` is the plain sum,
  which counts shared pages several times. Processor seconds are those of all its processes that were waited
  for; `trials_s` is what the trials took together. `bare_s`: the same students trained once more by a loop in
  as many processes as the demo had, one thread each, without Ray, evaluation or anything else, mean of the
  processes; and `ratio`, the demo's wall time by that.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
AS_A_USER = dict(os.environ)
"""What the whole demo is started with; all else here has one thread."""
os.environ.setdefault("OMP_NUM_THREADS", "1")

from kdray.config import Trial, as_data, merge, parse  # noqa: E402
from kdray.process_memory import bound_caches  # noqa: E402

bound_caches()
MIB = 2**20
SIZES = (32, 16, 8, 4, 2)
VOCABULARIES = (4096, 49152, 151936)
FIT_ROWS, TARGETS = 256, 47
SAMPLE_S = 4.0
AT_A_TIME = 2
"""Trials that the demo trains at once on two cores."""
AIMS = {"worker_mb": 1200, "demo_mb": 3500, "growth": 0.05}


def prepared(folder: Path) -> Trial:
    """The demo's first trial, with what it reads below `folder`."""
    from kdray.corpus.mine import DEMO_PACKAGES, mine
    from kdray.corpus.store import write_corpus
    from kdray.demo.run import demo_sweep
    from kdray.pipeline.prepare import prepare

    sweep = demo_sweep(str(folder), train_teacher=False)
    corpus = Path(str(sweep.trial.corpus))
    if not (corpus / "corpus.json").exists():
        write_corpus(str(corpus), mine(DEMO_PACKAGES), DEMO_PACKAGES)
    prepare(sweep)
    return sweep.trial


def held_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / MIB


def steps(trial: Trial, count: int) -> dict[str, float]:
    """Some steps in this process."""
    from kdray.train import TrialRun

    run = TrialRun(trial)
    before = held_mb()
    begin = time.process_time()
    for _ in range(count):
        run._train_step()
    seconds = (time.process_time() - begin) / count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"before_mb": before, "peak_mb": peak, "cpu_s_per_step": seconds}


def trials(trial: Trial, count: int) -> dict[str, Any]:
    """Trials one after the other in this process."""
    from kdray.train import train

    small = merge(
        trial, {"budget": {"steps": 4, "rungs": [2, 4]}, "evaluation": {"cases": 8, "rung_cases": 4}}
    )
    held = []
    for seed in range(count):
        train(merge(small, {"seed": seed, "student.layers": 2 + seed % 4}))
        held.append(held_mb())
    early, late = held[len(held) // 5 :][:5], held[-5:]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    growth = sum(late) / sum(early) - 1
    return {"trials": count, "held_mb": [round(mb) for mb in held], "peak_mb": peak, "growth": growth}


class Passing:
    """Random logits of a capture's sample, made anew each time they are read."""

    def __init__(self, vocab: int) -> None:
        self.vocab = vocab

    def __iter__(self) -> Iterator[Any]:
        rng = np.random.default_rng(0)
        for _ in range(FIT_ROWS):
            yield 2 * rng.standard_normal((TARGETS, self.vocab), dtype=np.float32)


def fit(vocab: int) -> dict[str, float]:
    """The fit of the `head` codec in this process."""
    from kdray.teacher.codec import FitSample
    from kdray.teacher.codecs import make

    labels_N = np.random.default_rng(1).integers(0, vocab, FIT_ROWS * TARGETS).astype(np.int32)
    before, begin = held_mb(), time.process_time()
    make("head").fit(FitSample(Passing(vocab), labels_N))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "added_mb": peak - before,
        "logits_mb": 4 * FIT_ROWS * TARGETS * vocab / MIB,
        "cpu_s": time.process_time() - begin,
    }


def apart(part: str, trial: Trial, count: int) -> dict[str, Any]:
    """`steps` or `trials` in a process of its own, whose peak is that of nothing else."""
    command = [sys.executable, "-W", "ignore", __file__, "--part", part, "--count", str(count)]
    done = subprocess.run(
        command, input=json.dumps(as_data(trial)), capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def family(root: int) -> list[int]:
    """A process and all below it."""
    below = defaultdict(list)
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            below[int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])].append(
                int(entry)
            )
        except OSError:  # it is gone
            continue
    found = [root]
    for process in found:
        found += below[process]
    return found


def memory_of(process: int) -> tuple[str, float, float]:
    """Name, PSS and RSS in MB; nothing of one that is gone."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        name = Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return "", 0.0, 0.0
    size = {key: int(rest.split()[0]) / 1024 for key, _, rest in (line.partition(":") for line in lines[1:])}
    return name[:60].strip(), size["Pss"], size["Rss"]


def ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it has, after so long at most."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def demo(folder: Path) -> dict[str, Any]:
    """`kdray demo` from nothing, watched."""
    begin = time.perf_counter()
    started = subprocess.Popen(
        [sys.executable, "-m", "kdray", "demo"], cwd=folder, env=AS_A_USER, stdout=sys.stderr
    )
    peak: dict[str, Any] = {"pss_mb": 0.0}
    largest: dict[str, float] = defaultdict(float)
    while not ended(started, SAMPLE_S):
        sizes = [memory_of(process) for process in family(started.pid)]
        for name, pss, _ in sizes:
            largest[name] = max(largest[name], pss)
        if (total := sum(pss for _, pss, _ in sizes)) > peak["pss_mb"]:
            rss = sum(rss for *_, rss in sizes)
            peak = {
                "pss_mb": total,
                "rss_mb": rss,
                "at_s": time.perf_counter() - begin,
                "processes": len(sizes),
            }
    wall, used = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    bare_s = bare(sorted(folder.glob("runs/demo/trials/*/trial.yaml")))
    lasts = [path.read_text().splitlines()[-1] for path in folder.glob("runs/demo/trials/*/results.jsonl")]
    return {
        "exit": started.returncode,
        "trials_s": sum(json.loads(last)["seconds"] for last in lasts),
        "wall_s": wall,
        "bare_s": bare_s,
        "ratio": wall / bare_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        **peak,
        "largest_mb": dict(sorted(largest.items(), key=lambda item: -item[1])[:6]),
    }


def bare(trials: list[Path]) -> float:
    """Seconds that training these takes and nothing else, in two processes at once; the mean of both."""
    command = [sys.executable, "-W", "ignore", __file__, "--part", "bare"]
    running = [
        subprocess.Popen([*command, *map(str, trials[first::AT_A_TIME])], stdout=subprocess.PIPE, text=True)
        for first in range(AT_A_TIME)
    ]
    return sum(float(process.communicate()[0].splitlines()[-1]) for process in running) / AT_A_TIME


def train_bare(files: list[str]) -> float:
    """Seconds of the training of some trials in this process, from the built student to its last step."""
    from kdray.config import read_yaml
    from kdray.train import TrialRun

    seconds = 0.0
    for file in files:
        run = TrialRun(parse(Trial, read_yaml(file), file))
        begin = time.perf_counter()
        while not run.done:
            run._train_step()
        seconds += time.perf_counter() - begin
    return seconds


def rounded(value: Any) -> Any:
    """Numbers as they are worth printing."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 3 if abs(value) < 10 else 0) if isinstance(value, float) else value


def keys(found: dict[str, Any]) -> dict[str, Any]:
    """The figures in one line; times beside those of the largest micro-batch."""
    whole = next(iter(found["step"].values()))["cpu_s_per_step"]
    return {
        "fit_added_mb": {vocab: part["added_mb"] for vocab, part in found["fit"].items()},
        "demo_peak_mb": found.get("demo", {}).get("pss_mb"),
        "worker_peak_mb": found["trials"]["peak_mb"],
        "worker_mb_by_trial": found["trials"]["held_mb"],
        "step": {
            size: {"peak_mb": part["peak_mb"], "time_ratio": part["cpu_s_per_step"] / whole}
            for size, part in found["step"].items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kdray-memory")
    parser.add_argument("--part", choices=("steps", "trials", "bare", "fit"), help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        import torch

        torch.set_num_threads(1)
        if asked.part in ("bare", "fit"):
            print(train_bare(asked.files) if asked.part == "bare" else json.dumps(fit(asked.count)))
            return
        trial = parse(Trial, json.load(sys.stdin), "stdin")
        print(json.dumps({"steps": steps, "trials": trials}[asked.part](trial, asked.count)))
        return
    asked.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"aims": AIMS}
    if asked.demo:
        with tempfile.TemporaryDirectory(dir=asked.out) as fresh:
            found["demo"] = demo(Path(fresh))
            data = Path(fresh, "runs", "demo-data")
            if data.exists() and not (asked.out / "demo-data").exists():
                data.rename(asked.out / "demo-data")
    trial = prepared(asked.out)
    count = 10 if asked.quick else 40
    found["step"] = {
        str(size): apart("steps", merge(trial, {"optim.micro_batch": size}), count)
        for size in (SIZES[::2] if asked.quick else SIZES)
    }
    found["trials"] = apart("trials", trial, 15 if asked.quick else 50)
    found["fit"] = {str(v): apart("fit", trial, v) for v in VOCABULARIES[: 1 if asked.quick else None]}
    print(json.dumps(rounded(found), indent=1))
    print(json.dumps(rounded(keys(found))))


if __name__ == "__main__":
    main()
