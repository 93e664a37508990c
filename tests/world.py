"""A whole small world for tests: a corpus, a teacher, its signal and suite, and a sweep over them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from kdray.config import Sweep, TeacherRecipe, parse, sweep_from

FUNCTIONS = ("area", "join", "total", "scale", "merge", "count")


def write_tests(folder: Path, files: int = 60, seed: int = 0) -> Path:
    """Test files with assertions that a tiny model can learn something about."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        lines = []
        for index in range(3):
            name, left, right = rng.choice(FUNCTIONS), rng.randint(0, 9), rng.randint(0, 9)
            lines += [
                f"def test_{name}_{index}():",
                f"    left = {left}",
                f"    right = {right}",
                f"    result = {name}(left, right)",
                f"    if left > right:\n        result = {name}(right, left)",
                f"    assert result == {name}({left}, {right})",
                "    result += 1",
                f"    assert isinstance(result, {rng.choice(('int', 'float'))})",
                "",
            ]
        (folder / f"test_{number}.py").write_text("\n".join(lines))
    return folder


def recipe(corpus: Path, **overrides: Any) -> TeacherRecipe:
    """A teacher that trains in seconds."""
    data = {
        "corpus": str(corpus),
        "vocab": 400,
        "student": {
            "family": "llama",
            "layers": 2,
            "hidden": 64,
            "heads": 2,
            "feed_forward": 96,
            "init": "random",
        },
        "optim": {"lr": 5e-3, "warmup_steps": 5, "batch_size": 16, "context_weight": 0.3, "slice_share": 0.3},
        "budget": {"steps": 30, "rungs": [15, 30]},
    }
    return parse(TeacherRecipe, {**data, **overrides}, "test")


def sweep_data(root: Path, **overrides: Any) -> dict[str, Any]:
    """A sweep over the small world below `root`."""
    data = {
        "name": "tiny",
        "storage": str(root / "runs"),
        "trial": {
            "corpus": str(root / "corpus"),
            "teacher": str(root / "teacher"),
            "shards": str(root / "signal"),
            "suite": str(root / "suite"),
            "student": {
                "family": "llama",
                "layers": 1,
                "hidden": 32,
                "heads": 1,
                "feed_forward": 48,
                "init": "sliced",
            },
            "distil": {"alpha": 0.5, "temperature": 1.0},
            "optim": {"lr": 2e-3, "warmup_steps": 2, "batch_size": 8},
            "budget": {"steps": 6, "rungs": [3, 6]},
            "evaluation": {"cases": 8, "rung_cases": 8},
        },
        "capture": {"rows": 64, "rows_per_shard": 32, "cases": 8},
        "space": {
            "distil.alpha": {"range": [0.0, 1.0]},
            "distil.temperature": {"range": [0.5, 8.0], "log": True},
        },
        "constraints": {"student_params": "<= 0.9 * teacher_params"},
        "search": {
            "trials": 4,
            "start": [{"distil.alpha": 0.5, "distil.temperature": 1.0}, {"distil.alpha": 0.0}],
        },
        "resources": {"max_concurrent": 2},
    }
    return {**data, **overrides}


def seq2seq(root: Path, **trial: Any) -> Sweep:
    """A sweep over the same corpus with an encoder-decoder teacher below `root / "t5"`."""
    data = sweep_data(root)
    data["trial"] |= {name: str(root / "t5" / name) for name in ("teacher", "shards", "suite")}
    student = {
        "family": "t5",
        "encoder_layers": 1,
        "decoder_layers": 1,
        "hidden": 32,
        "heads": 1,
        "feed_forward": 48,
    }
    data["trial"] |= {"student": student, **trial}
    return sweep_from(data, "test")


def build_seq2seq(root: Path) -> None:
    """Teacher, signal and suite of `seq2seq`."""
    from kdray.pipeline.prepare import prepare
    from kdray.train.teacher import train_teacher

    student = {
        "family": "t5",
        "encoder_layers": 2,
        "decoder_layers": 2,
        "hidden": 64,
        "heads": 2,
        "feed_forward": 96,
    }
    optim = {"lr": 5e-3, "warmup_steps": 5, "batch_size": 16}
    plan = recipe(root / "corpus", student={**student, "init": "random"}, optim=optim)
    train_teacher(plan, root / "t5" / "teacher")
    prepare(seq2seq(root))


def sweep(root: Path, **overrides: Any) -> Sweep:
    """`sweep_data` as a validated sweep."""
    return sweep_from(sweep_data(root, **overrides), "test")
