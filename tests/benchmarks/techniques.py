"""Compressor, AVATAR, MORPH and this project's default on Google Code Jam's clones, at one budget of training.

`python tests/benchmarks/techniques.py [--quick] [--work FOLDER] [--minutes 5]`: the same command again goes on
where the time was up, and ends in the table. Data in ../shared, split by function (`gcj.py`): no test function
occurs in training. A RoBERTa-style teacher is trained from nothing; every technique then has the same number of
training steps, 12 trials of `--steps` (Compressor 3 of four times as many, for it trains one student a size), with
its preset's space, loss, temperature and search, genes narrowed to what the budget can train, and a learning rate
of 1e-3 and a batch of 32 where the preset has fixed ones. Of each search the most accurate student within
`TARGET_MB` on the test pairs is taken; the table is of other functions (the valid pairs), which nobody learnt
from or was chosen by.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
if (here := str(Path(__file__).resolve().parent)) in sys.path:
    sys.path.remove(here)  # its signal.py is not Python's

from tests.benchmarks.gcj import DATA, ROOT, write_final, write_source

TECHNIQUES = ("compressor", "avatar", "morph", "kdray")
TARGET_MB = 0.5
MAX_INPUT = 384
BATCH = 32
# Dropout of attention and relative positions make a step on a processor two to four times as long.
GENES: dict[str, Any] = {
    "student.vocab": {"range": [400, 1600], "step": 100},
    "student.layers": [1, 2],
    "student.hidden": {"range": [16, 64], "step": 16},
    "student.feed_forward": {"range": [32, 128], "step": 32},
    "student.heads": [1, 2],
    "student.dropout": [0.0, 0.1, 0.2],
    "student.attention_dropout": [0.0],
    "student.position_type": ["absolute"],
    "student.positions": {"range": [194, 386]},
    "optim.lr": [3e-3, 1e-3, 5e-4],
    "optim.batch_size": [BATCH // 2, BATCH],
}


@dataclass(frozen=True)
class Size:
    """How much is done: pairs, the teacher's steps, a unit of a student's, and what is judged."""

    pairs: dict[str, int]
    teacher_steps: int
    steps: int
    trials: int
    cases: int
    items: int
    variants: int


FULL = Size({"train": 16000, "valid": 600, "test": 600}, 900, 300, 12, 200, 30, 20)
QUICK = Size({"train": 128, "valid": 12, "test": 12}, 6, 2, 3, 4, 1, 1)


class Late(Exception):
    """The time is up; what is done is kept."""


class Clock:
    """Says when to stop."""

    def __init__(self, minutes: float) -> None:
        self._until = time.monotonic() + 60 * minutes

    def check(self) -> None:
        """Raises `Late`."""
        if time.monotonic() > self._until:
            raise Late


def prepare_world(work: Path, size: Size, clock: Clock) -> None:
    """Corpus, teacher, signal and suite, each once."""
    from kdray.corpus.labelled import labelled_examples
    from kdray.corpus.store import write_corpus
    from kdray.pipeline.prepare import prepare
    from kdray.train.teacher import train_teacher

    if not (work / "corpus" / "corpus.json").exists():
        counts = write_source(work / "source", size.pairs)
        print(f"pairs of functions that meet no other split: {counts}", flush=True)
        write_corpus(work / "corpus", labelled_examples(work / "source"), ["gcj"])
        write_final(work / "source", work / "final")

    def heard(metrics: dict[str, Any]) -> None:
        print(f"teacher  step {metrics['step']}  held-out loss {metrics['held_out_loss']:.3f}", flush=True)
        clock.check()

    train_teacher(recipe(work, size), work / "teacher", heard)
    clock.check()
    prepare(sweep_of("kdray", work, size, 0))
    clock.check()


def recipe(work: Path, size: Size) -> Any:
    """The teacher: as large as two cores train in minutes. With four layers it stays at chance for as long: what
    makes two snippets a pair is neither's own, and nothing of it is learnt before all of it is.
    """
    from kdray.config import TeacherRecipe, parse

    rungs = [size.teacher_steps * part // 10 for part in range(1, 11)] if size.teacher_steps >= 10 else []
    data = {
        "task": "clone",
        "corpus": str(work / "corpus"),
        "vocab": 1600,
        "encoding": {"max_input": MAX_INPUT},
        "student": {
            "family": "roberta", "snippets": 2, "layers": 2, "hidden": 128, "heads": 4, "feed_forward": 256,
            "positions": MAX_INPUT + 2, "dropout": 0.1,
        },
        "optim": {"lr": 1e-3, "warmup_steps": max(1, size.teacher_steps // 10), "batch_size": BATCH},
        "budget": {"steps": size.teacher_steps, "rungs": rungs},
    }  # fmt: skip
    return parse(TeacherRecipe, data, "teacher")


def sweep_of(technique: str, work: Path, size: Size, seed: int) -> Any:
    """A technique's preset (the project's: `clone.yaml` with the default search) at this budget."""
    from kdray.config import read_yaml, sweep_from

    data = read_yaml(ROOT / "sweeps" / f"{'clone' if technique == 'kdray' else technique}.yaml")
    trials, steps = size.trials, size.steps
    if technique == "compressor":
        trials, steps = 3, size.steps * size.trials // 3
    trial = data["trial"]
    trial |= {name: str(work / folder) for name, folder in (("corpus", "corpus"), ("teacher", "teacher"))}
    trial |= {"shards": str(work / "signal"), "suite": str(work / "suite"), "budget": {"steps": steps}}
    trial |= {"encoding": {"max_input": MAX_INPUT}, "evaluation": {"cases": size.cases, "batch_size": BATCH}}
    trial["seed"] = seed
    trial["student"] |= {
        "layers": 2,
        "hidden": 64,
        "heads": 2,
        "dropout": 0.1,
        "attention_dropout": 0.0,
        "feed_forward": 64,
        "positions": MAX_INPUT + 2,
    }
    trial["optim"] |= {"lr": 1e-3, "warmup_steps": max(1, steps // 10), "batch_size": BATCH}
    data["capture"] = {
        "rows": size.pairs["train"],
        "codec": "full",
        "cases": size.cases,
        "variants_per_case": 2,
    }
    data["space"] |= {path: spec for path, spec in GENES.items() if path in data["space"]}
    if technique == "kdray":
        trial["student"] |= {"hidden": 32}
        data["objectives"] = {"accuracy": "max", "metamorphic_discrepancy": "min"}
        data["constraints"] = {"student_bytes": f"<= {TARGET_MB * 1e6}"}
        data["search"] = {"trials": trials, "halving": False, "seed": seed, "start": data["search"]["start"]}
    else:
        trial["student"] |= {"vocab": 800}
        settings = {
            "compressor": {"targets_mb": [TARGET_MB / 4, TARGET_MB / 2, TARGET_MB], "searches": 10},
            "avatar": {"samples": trials * 2 // 3, "target_mb": TARGET_MB},
            "morph": {"samples": trials * 2 // 3, "target_mb": TARGET_MB, "tuned": False},
        }[technique]
        params = {**data["search"]["sampler_params"], **settings}
        data["search"] |= {"sampler_params": params, "trials": trials, "seed": seed}
    return sweep_from({**data, "name": f"{technique}-{seed}", "storage": str(work / "runs")}, technique)


def run_sweep(sweep: Any, clock: Clock) -> None:
    """Trains what a sweep still lacks, one trial after the other in this process, without Ray."""
    from kdray.pipeline.prepare import prepare
    from kdray.search import constraints
    from tests.one_by_one import train_each

    folder, context = Path(sweep.storage) / sweep.name, prepare(sweep).context
    teacher = {name: float(context[name]) for name in ("teacher_params", "teacher_bytes")}
    gate = constraints.Gate(sweep, constraints.sizes(context), teacher)
    clock.check()
    with contextlib.closing(train_each(sweep, folder, gate)) as trials:
        for key, metrics in trials:
            print(f"{sweep.name}  {key}  accuracy {metrics['accuracy']:.3f}", flush=True)
            clock.check()


def megabytes(record: Any) -> float:
    """Of the weights there really are, in float32; the published formula counts some that these models lack."""
    return float(record.metrics["student_params"]) * 4e-6


def judge(technique: str, sweep: Any, work: Path, size: Size) -> dict[str, Any]:
    """The shipped student of a sweep on functions that nobody has seen, beside its teacher."""
    import numpy as np

    from kdray import results
    from kdray.evaluation.speed import speed
    from kdray.metamorphic.compare_models.pairs import compare_pairs
    from kdray.metamorphic.compare_models.plan import Plan
    from kdray.report.models.files import as_data
    from kdray.students.load import load_model, load_tokenizer
    from kdray.tasks.classification import ClassificationTask

    records = [r for r in results.read(Path(sweep.storage) / sweep.name) if r.state == "complete"]
    small = [r for r in records if megabytes(r) <= TARGET_MB * 1.05] or records
    best = max(small, key=lambda record: float(record.metrics["accuracy"]))
    student = Path(sweep.storage) / sweep.name / "trials" / best.key / "student"
    plan = Plan(
        size.pairs["valid"], size.variants, attacks=("wir_random",), items=size.items, budget=100, seed=0
    )
    row = as_data(compare_pairs([str(work / "teacher"), str(student)], [str(work / "final")], plan))[
        "comparisons"
    ][0]
    task = ClassificationTask(load_tokenizer(student), 2, MAX_INPUT)
    code = "int add(int a, int b) { return a + b; }\n" * 10
    timed = speed(load_model(student), task, [np.concatenate(task.encode([code, code]))])
    (duel,) = row["duels"]
    marks, rates = row["marks"]["student"], row["rates"]
    return {
        "accuracy": marks["accuracy"],
        "f1": marks["f1"],
        "size_mb": megabytes(best),
        "gflops": best.metrics["gflops"],
        "latency_ms": timed["latency_ms"],
        "discrepancy": row["metamorphic_discrepancy"],
        **{name: rate["share"] for name, rate in rates.items()},
        "violating_share": row["violating"]["share"],
        "flips": row["flips"]["student"]["share"],
        "attack_drop": duel["student"]["drop"],
        "teacher": {
            **row["marks"]["teacher"],
            "flips": row["flips"]["teacher"]["share"],
            "attack_drop": duel["teacher"]["drop"],
        },
        "trial": best.key,
        "budget_s": sum(float(record.metrics["seconds"]) for record in records),
    }


def surrogate_r2(cells: int) -> dict[str, dict[str, float]]:
    """R2 for accuracy on MORPH's published rows, by cell and model: five folds once (`morph.py` repeats them)."""
    from tests.benchmarks.morph import surrogates
    from tests.benchmarks.morph_rows import CELLS, DATA, read_cell

    names = list(CELLS)[:cells] if DATA.exists() else []
    found = {name: surrogates(read_cell(name), 1)["accuracy"] for name in names}
    return {name: {model: marks[0] for model, marks in one.items()} for name, one in found.items()}


SHOWN = (
    "accuracy", "f1", "size_mb", "gflops", "latency_ms", "discrepancy", "prediction_agreement_violated",
    "distribution_similarity_violated", "high_confidence_preservation_violated", "calibration_alignment_violated",
    "violating_share", "flips", "attack_drop", "budget_s",
)  # fmt: skip


def show(answer: dict[str, dict[str, Any]]) -> None:
    """The table: a column a technique."""
    print(f"{'':<30}" + "".join(f"{technique:>12}" for technique in answer))
    for name in SHOWN:
        cells = (one[name] for one in answer.values())
        print(f"{name:<30}" + "".join(f"{'-' if cell is None else f'{cell:.3f}':>12}" for cell in cells))
    teacher = next(iter(answer.values()))["teacher"]
    print(
        f"teacher: accuracy {teacher['accuracy']:.3f}  f1 {teacher['f1']:.3f}  flips {teacher['flips']:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--steps", type=int, default=FULL.steps)
    parser.add_argument("--teacher-steps", type=int, default=FULL.teacher_steps)
    options = parser.parse_args()
    if not DATA.exists():
        print(json.dumps({"skipped": f"{DATA} is not there"}))
        return
    import tempfile
    import warnings
    from dataclasses import replace

    warnings.simplefilter("ignore")
    size = QUICK if options.quick else replace(FULL, steps=options.steps, teacher_steps=options.teacher_steps)
    work = (options.work or Path(tempfile.mkdtemp(prefix="techniques-"))).absolute()
    clock, answer = Clock(options.minutes), {}
    try:
        prepare_world(work, size, clock)
        for technique in TECHNIQUES:
            sweep = sweep_of(technique, work, size, 0)
            run_sweep(sweep, clock)
            answer[technique] = judge(technique, sweep, work, size)
    except Late:
        print(json.dumps({"unfinished": f"the same command goes on in {work}"}))
        sys.exit(1)
    show(answer)
    r2 = surrogate_r2(cells=1 if options.quick else 4)
    for name, models in r2.items():
        print(f"R2 on the published rows  {name:<32}" + "  ".join(f"{k} {v:.2f}" for k, v in models.items()))
    answer |= {"budget_s": sum(one["budget_s"] for one in answer.values()), "seeds": 1, "surrogate_r2": r2}
    print(json.dumps(answer | ({"quick": True} if options.quick else {})))


if __name__ == "__main__":
    main()
