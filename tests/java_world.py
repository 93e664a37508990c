"""A small world of Java for tests: a checkout with sources and tests, and masked tests as they are published."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from kdray.config import Sweep, TeacherRecipe, parse, sweep_from

NAMES = ("Cart", "Order", "Price", "Stock", "Parcel", "Basket", "Voucher", "Shelf")

SOURCE = """package shop;

/** Holds a number. */
public class {name} {{
    private int held; // so far

    public {name}(int held) {{
        this.held = held;
    }}

    public int total() {{
        return held;
    }}

    public int add(int more) {{
        held += more; // grows
        return held;
    }}

    public int add(int more, int times) {{
        return add(more * times);
    }}
}}
"""

TESTS = """package shop;

import org.junit.jupiter.api.Test;

public class {name}Test {{
    @Test
    public void addsUp() {{
        // two of a kind
        {name} held = new {name}({start});
        int sum = held.add({more});
        assertEquals({sum}, sum);
        assertEquals({sum}, held.total());
    }}

    @Test
    public void addsTwice() {{
        {name} held = new {name}({start});
        held.add({more}, 2);
        assertThat(held.total()).isEqualTo({start} + 2 * {more});
        held.close();
    }}

    @Test
    public void staysPositive() {{
        {name} held = new {name}({more});
        if (held.total() > 0) {{
            assertTrue(held.add({start}) > {more});
        }}
        held.close();
    }}
}}
"""


def write_checkout(folder: Path, classes: int = 6, seed: int = 0) -> Path:
    """Sources, their JUnit 5 tests and a licence."""
    rng = random.Random(seed)
    (folder / "src/main/java/shop").mkdir(parents=True, exist_ok=True)
    (folder / "src/test/java/shop").mkdir(parents=True, exist_ok=True)
    for number in range(classes):
        name = NAMES[number % len(NAMES)] + (
            "" if number < len(NAMES) else "ABCDEFGHIJ"[number // len(NAMES)]
        )
        start, more = rng.randint(0, 9), rng.randint(1, 9)
        filled = TESTS.format(name=name, start=start, more=more, sum=start + more)
        (folder / f"src/main/java/shop/{name}.java").write_text(SOURCE.format(name=name))
        (folder / f"src/test/java/shop/{name}Test.java").write_text(filled)
    (folder / "LICENSE").write_text("Permission is hereby granted, free of charge, to any person ...\n")
    return folder


def row(number: int, rng: random.Random, **changes: Any) -> dict[str, Any]:
    """One masked test, as the JSON-lines layout has it."""
    name, start, more = rng.choice(NAMES), rng.randint(0, 9), rng.randint(0, 9)
    masked = (
        f"@Test\npublic void total{number}() {{\n    {name} held = new {name}({start});\n"
        f"    int sum = held.add({more});\n    // <ASSERTION_PLACEHOLDER>\n    held.close();\n}}"
    )
    wanted = [f"assertEquals({start} + {more}, sum);", f"assertNotNull(new {name}({start}));"][
        : rng.randint(1, 2)
    ]
    return {
        "id": f"{number:012x}", "repo": f"shop/p{number % 40}", "commit": "c" * 40, "license": "MIT",
        "path": f"src/test/java/{name}{number % 7}Test.java", "test_class": f"{name}Test",
        "test_name": f"total{number}", "focal_class": name, "focal_name": "add", "link": "class+name",
        "focal_method": "public int add(int more) {\n    held += more;\n    return held;\n}",
        "test_method_masked": masked, "assertions": wanted, **changes,
    }  # fmt: skip


def write_masked(folder: Path, train: int = 160, others: int = 24, seed: int = 0) -> Path:
    """`train.jsonl` and so on, of masked tests that a tiny model can learn something about."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    at = 0
    for split, count in (("train", train), ("valid", others), ("test", others)):
        lines = [json.dumps(row(at + number, rng)) + "\n" for number in range(count)]
        (folder / f"{split}.jsonl").write_text("".join(lines))
        at += count
    return folder


def student(family: str, hidden: int = 32, layers: int = 1) -> dict[str, Any]:
    """A model that trains in seconds."""
    shape = {"family": family, "hidden": hidden, "heads": 2, "feed_forward": 48}
    if family == "t5":
        return {**shape, "encoder_layers": layers, "decoder_layers": layers}
    return {**shape, "layers": layers}


def recipe(corpus: Path, family: str) -> TeacherRecipe:
    """A teacher that trains in seconds."""
    data = {
        "corpus": str(corpus), "vocab": 400, "encoding": ENCODING,
        "student": {**student(family, hidden=64, layers=2), "init": "random"},
        "optim": {"lr": 5e-3, "warmup_steps": 5, "batch_size": 16},
        "budget": {"steps": 30, "rungs": [15, 30]},
    }  # fmt: skip
    return parse(TeacherRecipe, data, "test")


ENCODING = {"max_input": 160, "max_target": 48, "max_row": 224}


def build(root: Path, family: str) -> Path:
    """Source, corpus and teacher below `root`."""
    from kdray.corpus.layouts import import_examples
    from kdray.corpus.store import write_corpus
    from kdray.train.teacher import train_teacher

    write_corpus(root / "corpus", import_examples(write_masked(root / "source")).examples, ["source"])
    train_teacher(recipe(root / "corpus", family), root / "teacher")
    return root


def sweep(root: Path, out: Path, family: str) -> Sweep:
    """A sweep over the corpus and the teacher below `root`, its signal and suite below `out`."""
    data = {
        "name": "java", "storage": str(out / "runs"),
        "trial": {
            "corpus": str(root / "corpus"), "teacher": str(root / "teacher"), "shards": str(out / "signal"),
            "suite": str(out / "suite"), "encoding": ENCODING, "student": student(family),
            "distil": {"alpha": 0.5, "temperature": 1.0},
            "optim": {"lr": 2e-3, "warmup_steps": 2, "batch_size": 8},
            "budget": {"steps": 6, "rungs": [3, 6]}, "evaluation": {"cases": 8, "rung_cases": 8},
        },
        "capture": {"rows": 64, "rows_per_shard": 32, "cases": 8},
        "space": {"distil.alpha": {"range": [0.0, 1.0]}},
        "search": {"trials": 2},
    }  # fmt: skip
    return sweep_from(data, "test")
