"""A small world of labelled code for tests: sources on disk, a trained tiny teacher, its signal and its suite."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from kdray.config import Sweep, TeacherRecipe, parse, sweep_from

JAVA = """public static int {name}(int {a}, int {b}) {{
    int result = {start};
    for (int i = 0; i < {a}; i++) {{
        result {sign}= {b} + i;
    }}
    if (result > {limit}) {{
        return result;
    }} else {{
        return {limit};
    }}
}}"""
NAMES = ("total", "scale", "merge", "count", "weigh", "reach")


def function(kind: int, rng: random.Random) -> str:
    """One of two kinds of function, under chance names and numbers."""
    a, b = rng.sample(["left", "right", "width", "depth", "limit", "first"], 2)
    sign = "+*"[kind]
    return JAVA.format(
        name=rng.choice(NAMES), a=a, b=b, start=rng.randint(0, 9), limit=rng.randint(10, 99), sign=sign
    )


def write_pairs(folder: Path, count: int = 160, seed: int = 0) -> Path:
    """CodeXGLUE's layout of BigCloneBench: a pair is a clone where both functions are of one kind."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    functions, lists = [], {"train": [], "valid": [], "test": []}
    for number in range(count):
        kinds = rng.randint(0, 1), rng.randint(0, 1)
        for side, kind in enumerate(kinds):
            functions.append({"idx": f"{number}{side}", "func": function(kind, rng)})
        split = "train" if number < count * 0.7 else "valid" if number < count * 0.8 else "test"
        lists[split].append(f"{number}0\t{number}1\t{int(kinds[0] == kinds[1])}\n")
    (folder / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in functions))
    for split, lines in lists.items():
        (folder / f"{split}.txt").write_text("".join(lines))
    return folder


def write_functions(folder: Path, count: int = 160, seed: int = 0) -> Path:
    """CodeXGLUE's layout of Devign: one kind of function is "vulnerable"."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [rng.randint(0, 1) for _ in range(count)]
    functions = [
        {"func": function(kind, rng).replace("public static ", ""), "target": kind} for kind in kinds
    ]
    (folder / "function.json").write_text(json.dumps(functions))
    for split, part in (("train", range(112)), ("valid", range(112, 128)), ("test", range(128, count))):
        (folder / f"{split}.txt").write_text("".join(f"{number}\n" for number in part))
    return folder


def recipe(root: Path, task: str, **overrides: Any) -> TeacherRecipe:
    """A teacher that trains in seconds."""
    data = {
        "task": task,
        "corpus": str(root / "corpus"),
        "vocab": 320,
        "encoding": {"max_input": 126},
        "student": _student(task, layers=2, hidden=32),
        "optim": {"lr": 3e-3, "warmup_steps": 10, "batch_size": 16, "precision": "float32"},
        "budget": {"steps": 120, "rungs": [60, 120]},
    }
    return parse(TeacherRecipe, {**data, **overrides}, "test")


def _student(task: str, layers: int, hidden: int) -> dict[str, Any]:
    snippets = {"clone": 2, "vulnerability": 1}[task]
    return {
        "family": "roberta", "snippets": snippets, "layers": layers, "hidden": hidden, "heads": 2,
        "feed_forward": 48, "positions": 128,
    }  # fmt: skip


def sweep(root: Path, task: str, **trial: Any) -> Sweep:
    """A sweep over the world below `root`."""
    data = {
        "name": task,
        "storage": str(root / "runs"),
        "task": task,
        "trial": {
            "corpus": str(root / "corpus"),
            "teacher": str(root / "teacher"),
            "shards": str(root / "signal"),
            "suite": str(root / "suite"),
            "encoding": {"max_input": 126},
            "student": _student(task, layers=1, hidden=32),
            "distil": {"loss": "bucketed", "alpha": 0.5, "temperature": 2.0},
            "optim": {"lr": 3e-3, "warmup_steps": 2, "batch_size": 8, "precision": "float32"},
            "budget": {"steps": 6, "rungs": [3, 6]},
            "evaluation": {"cases": 8, "rung_cases": 8},
            **trial,
        },
        "capture": {"rows": 48, "rows_per_shard": 32, "cases": 8, "variants_per_case": 2, "codec": "full"},
        "space": {"distil.alpha": {"range": [0.0, 1.0]}},
        "objectives": {"accuracy": "max", "metamorphic_discrepancy": "min"},
        "constraints": {"student_params": "<= 0.9 * teacher_params"},
        "search": {"trials": 2},
    }
    return sweep_from(data, "test")


def build(root: Path, task: str) -> Path:
    """Source, corpus, teacher, signal and suite below `root`."""
    from kdray.corpus.labelled import labelled_examples
    from kdray.corpus.store import write_corpus
    from kdray.pipeline.prepare import prepare
    from kdray.train.teacher import train_teacher

    write = write_pairs if task == "clone" else write_functions
    examples = labelled_examples(write(root / "source"))
    write_corpus(root / "corpus", examples, ["source"])
    train_teacher(recipe(root, task), root / "teacher")
    prepare(sweep(root, task))
    return root
