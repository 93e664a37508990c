"""The demo's suite, on real tests with the packaged tokenizer."""

from __future__ import annotations

from collections import Counter

from kdray.config import Encoding, load_sweep
from kdray.corpus.mine import Options, mine
from kdray.corpus.sample import sample
from kdray.metamorphic.suite_inputs import IDENTITY, suite_inputs
from kdray.packaged import packaged
from kdray.students.load import load_tokenizer
from kdray.tasks import task_of


def test_the_demos_suite_uses_at_least_six_transformations() -> None:
    sweep = load_sweep(packaged("demo/sweep.yaml"))
    task = task_of("assertion", load_tokenizer("kdray:python"), False, Encoding())
    held_out = [
        example for example in mine(["networkx"], options=Options(files=80)) if example.split == "test"
    ]
    plan = sweep.capture
    inputs = suite_inputs(
        task,
        sample(held_out, 60),
        seed=plan.seed,
        transforms=plan.transforms or None,
        variants=plan.variants_per_case,
    )
    used = Counter(item.transform for item in inputs if item.transform != IDENTITY)
    assert sum(used.values()) > 50
    assert len([name for name, count in used.items() if count >= 3]) >= 6, used
