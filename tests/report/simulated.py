"""Experiment folders as a real sweep leaves them, made up from a formula.

For tests, benchmarks and looking at the page.

`python tests/report/simulated.py FOLDER [TRIALS]` writes one. The formula has what matters to a reader of a
report: accuracy saturates in size, an alpha around 0.5 and a temperature around 2 help, the discrepancy falls
with alpha and rises as students shrink, values are counts over a few hundred cases with Wilson intervals, a
third of the trials is stopped early, some fail, and in a running sweep the last ones are half way with a line
cut short.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

TEACHER = {
    "assertion_accuracy": 0.243,
    "student_params": 6_291_456,
    "metamorphic_discrepancy": 0.0,
    "agreement": 1.0,
}
REFERENCES = {
    "teacher": {**TEACHER, "intervals": {"assertion_accuracy": [0.226, 0.261]}},
    "nearest neighbour": {"assertion_accuracy": 0.071},
    "repeat the last assertion": {"assertion_accuracy": 0.066},
}
RELATIONS = (
    "prediction_agreement",
    "distribution_similarity",
    "high_confidence_preservation",
    "calibration_alignment",
)
TRANSFORMS = ("rename_locals", "operand_swap", "for_to_while", "dead_code")
RUNGS = (100, 300, 900)
HOSTILE = (
    "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    "\u2028${window.hacked=1}'\"&<!--"
)

SWEEP: dict[str, Any] = {
    "name": "assertion-python",
    "storage": "runs",
    "trial": {
        "task": "assertion",
        "corpus": "corpora/python",
        "shards": "teachers/python/signal",
        "suite": "teachers/python/suite",
        "student": {
            "family": "llama", "layers": 3, "hidden": 128, "heads": 4,
            "head_dim": 32, "feed_forward": 384, "init": "sliced",
        },
        "distil": {"loss": "decoupled", "alpha": 0.5, "temperature": 1.0},
        "optim": {"lr": 0.002, "warmup_steps": 20, "batch_size": 32},
        "budget": {"steps": 900, "rungs": list(RUNGS)},
        "seed": 0,
    },
    "space": {
        "distil.alpha": {"range": [0.0, 1.0]},
        "distil.temperature": {"range": [0.5, 8.0], "log": True},
        "distil.loss": {"choices": ["decoupled", "bucketed", "reverse"]},
        "student.layers": {"range": [1, 4]},
        "student.hidden": {"choices": [64, 96, 128, 160]},
        "student.feed_forward": {"choices": [192, 256, 384, 512]},
        "optim.lr": {"range": [0.0005, 0.004], "log": True},
    },
    "objectives": {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"},
    "constraints": {"student_params": "<= 0.25 * teacher_params"},
    "search": {"sampler": "tpe", "trials": 64, "seed": 0},
    "resources": {"workers": 1, "max_concurrent": 2},
}  # fmt: skip


def wilson(share: float, n: int) -> list[float]:
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return [max(0.0, middle - half), min(1.0, middle + half)]


def simulate(
    folder: Path | str,
    trials: int = 60,
    *,
    seed: int = 0,
    running: int = 0,
    hostile: bool = False,
    skill: float = 0.0,
    cases: int = 12,
) -> Path:
    """Writes an experiment folder; the last `running` trials are under way, `skill` shifts every accuracy."""
    folder = Path(folder)
    rng = np.random.default_rng(seed)
    sweep = {**SWEEP, "search": {**SWEEP["search"], "trials": max(1, trials)}}
    _yaml(folder / "sweep.yaml", sweep)
    (folder / "references.json").write_text(json.dumps(REFERENCES))
    best: dict[int, list[float]] = {rung: [] for rung in RUNGS}
    for number in range(trials):
        point = _point(rng, number)
        trial = json.loads(json.dumps(SWEEP["trial"]))
        for path, value in point.items():
            parent, leaf = path.split(".")
            trial[parent][leaf] = value
        rungs, state, reason = _train(rng, point, best, skill)
        if hostile and number == 1:
            trial["corpus"], reason = HOSTILE, HOSTILE
        under_way = number >= trials - running
        _write(
            folder / "trials" / f"t{number:04d}", trial, rungs, None if under_way else (state, reason), point
        )
        if not under_way and state == "complete" and cases:
            found = [_case(rng, HOSTILE if hostile else None) for _ in range(cases)]
            lines = "".join(json.dumps(case) + "\n" for case in found)
            (folder / "trials" / f"t{number:04d}" / "cases.jsonl").write_text(lines)
    return folder


def _point(rng: np.random.Generator, number: int) -> dict[str, Any]:
    if number < 2:
        return {
            **_point(rng, 9),
            "distil.alpha": [0.5, 0.0][number],
            "distil.temperature": 1.0,
            "distil.loss": "decoupled",
        }
    focus = rng.random() < 0.5  # half of the points follow a model, as a sampler's do
    return {
        "distil.alpha": float(np.clip(rng.normal(0.55, 0.15), 0, 1) if focus else rng.random()),
        "distil.temperature": float(
            np.clip(np.exp(rng.normal(0.7, 0.4)), 0.5, 8) if focus else 0.5 * 16 ** rng.random()
        ),
        "distil.loss": str(rng.choice(["decoupled", "bucketed", "reverse"], p=[0.6, 0.25, 0.15])),
        "student.layers": int(rng.integers(1, 5)),
        "student.hidden": int(rng.choice([64, 96, 128, 160])),
        "student.feed_forward": int(rng.choice([192, 256, 384, 512])),
        "optim.lr": float(0.0005 * 8 ** rng.random()),
    }


def params(point: dict[str, Any]) -> int:
    hidden, layers = point["student.hidden"], point["student.layers"]
    return int(
        4096 * hidden
        + layers * (4 * hidden * 128 + 3 * hidden * point["student.feed_forward"] + 2 * hidden)
        + hidden
    )


def _train(rng, point, best, skill):
    """The rungs, the state and the reason of one made-up training run."""
    alpha, log_t = point["distil.alpha"], math.log(point["distil.temperature"])
    size = math.log(params(point) / 250_000)
    final = (
        0.05 + 0.045 * size + 0.035 * (1 - ((alpha - 0.5) / 0.5) ** 2) - 0.012 * (log_t - 0.7) ** 2 + skill
    )
    final -= (
        0.02 * abs(math.log(point["optim.lr"] / 0.002))
        + {"decoupled": 0, "bucketed": 0.004, "reverse": 0.015}[point["distil.loss"]]
    )
    discrepancy = (
        0.62 - 0.05 * size - 0.24 * alpha * (1 - 0.05 * (log_t - 1) ** 2) + 0.25 * (alpha - 0.6) ** 2
    )
    discrepancy += 0.25 * final / (0.1 + final) * (1 - alpha)
    noise = rng.normal(0, 0.006)
    rungs: list[dict[str, Any]] = []
    for rung in RUNGS:
        if point["optim.lr"] > 0.0035 and rng.random() < 0.3:
            return rungs, "failed", f"loss is nan at step {rung - 37}"
        grown = 1 - math.exp(-rung / 320)
        n = 400 if rung == RUNGS[-1] else 200
        accuracy = rng.binomial(n, float(np.clip(final * grown + noise, 0.002, 0.9))) / n
        violated = {
            r: float(np.clip(discrepancy / (0.6 + 0.4 * grown) + d, 0.02, 0.98))
            for r, d in zip(RELATIONS, (0.1, -0.05, -0.12, 0.07), strict=True)
        }
        violated = {f"{r}_violated": rng.binomial(3 * n, share) / (3 * n) for r, share in violated.items()}
        rungs.append(_metrics(rung, n, accuracy, violated, point, rng))
        best[rung].append(accuracy)
        if rung != RUNGS[-1] and len(best[rung]) > 5 and accuracy < np.quantile(best[rung], 0.4):
            return rungs, "pruned", f"rung {rung}: not among the best third"
    return rungs, "complete", ""


def _metrics(rung, n, accuracy, violated, point, rng):
    """What a trial records at a rung: the keys that training and evaluation use."""
    mean = sum(violated.values()) / 4
    size = params(point)
    shares = {
        "assertion_accuracy": accuracy,
        "variant_accuracy": round(accuracy * 0.94, 4),
        "teacher_accuracy": 0.2425,
        "agreement": round(1 - violated["prediction_agreement_violated"], 4),
        "violating_share": min(1.0, mean * 1.5),
        "flips": round(0.1 + 0.3 * float(rng.random()), 4),
        "teacher_flips": 0.09,
        **violated,
        **{f"clean_{name}": round(0.9 * rate, 4) for name, rate in violated.items()},
    }
    by_transform = {
        name: {"variants": n, **{relation: min(1.0, rate * factor) for relation, rate in violated.items()}}
        for name, factor in zip(TRANSFORMS, (0.8, 1.3, 1.0, 0.9), strict=True)
    }
    return {
        "step": rung,
        "metamorphic_discrepancy": mean,
        **shares,
        "ece": round(0.05 + 0.1 * float(rng.random()), 4),
        "teacher_ece": 0.061,
        "student_params": size,
        "student_bytes": 2 * size,
        "latency_ms": round(3 + 2.2 * point["student.layers"] + float(rng.random()), 3),
        "train_loss": round(2.2 + 2.5 * math.exp(-rung / 200) - accuracy, 4),
        "seconds": round(rung * (0.02 + size / 6e7), 2),
        "intervals": {
            "metamorphic_discrepancy": [mean - 0.02, mean + 0.02],
            **{name: wilson(min(share, 1.0), n) for name, share in shares.items()},
        },
        "counts": {"cases": n, "variants": 4 * n},
        "relations": by_transform,
    }


def _case(rng, text):
    name = str(rng.choice(["total", "rows", "graph", "expr", "frame"]))
    return {
        "transform": str(rng.choice(TRANSFORMS)),
        "relation": str(rng.choice(RELATIONS)),
        "source": text
        or f"def test_{name}():\n    v0 = make_{name}(3)\n    v1 = v0.normalise()\n    <ASSERT>",
        "diff": text or f"-    total = make_{name}(3)\n+    v0 = make_{name}(3)",
        "truth": text or f"assert v1.{name} == {int(rng.integers(9))}",
        "teacher": text or f"assert v1.{name} == {int(rng.integers(9))}",
        "student": text or f"assert v0.{name} is not None",
        "severity": round(float(rng.random()), 3),
    }


def _write(folder, trial, rungs, end, point):
    folder.mkdir(parents=True)
    _yaml(folder / "trial.yaml", trial)
    if end is None:
        kept = rungs[:-1] if len(rungs) > 1 else rungs
        lines = "".join(json.dumps(rung) + "\n" for rung in kept)
        (folder / "results.jsonl").write_text(lines + '{"step": 900, "assertion_acc')
        return
    (folder / "results.jsonl").write_text("".join(json.dumps(rung) + "\n" for rung in rungs))
    seconds = rungs[-1]["seconds"] if rungs else 1.5
    (folder / "state.json").write_text(json.dumps({"state": end[0], "reason": end[1], "seconds": seconds}))


def _yaml(path: Path, data: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.dump(data, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))


if __name__ == "__main__":
    simulate(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60)
