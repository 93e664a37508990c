"""What the stages of `tests/fault_stages.py` read: `python -m tests.fault_worlds FOLDER`.

In a process of its own: one that has trained has threads, and what is forked from it hangs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from kdray.config import as_data, merge
from kdray.corpus.mine import mine
from kdray.corpus.store import write_corpus
from kdray.pipeline.prepare import prepare
from kdray.train.teacher import train_teacher
from tests import world


def small_world_at(root: Path) -> Path:
    """A corpus, a teacher, its signal and its suite."""
    source = world.write_tests(root / "shop")
    write_corpus(root / "corpus", mine([str(source)], processes=1), ["shop"])
    train_teacher(world.recipe(root / "corpus"), root / "teacher")
    prepare(world.sweep(root))
    return root


def student_at(root: Path, small: Path) -> Path:
    """An experiment with one trained student."""
    from tests.handover.conftest import train_into

    sweep = world.sweep(small, name="toy", storage=str(root))
    train_into(root / "toy", [merge(sweep.trial, {"distil.alpha": 0.5}, "test")])
    (root / "toy" / "sweep.yaml").write_text(yaml.safe_dump(as_data(sweep), sort_keys=False))
    return root / "toy"


if __name__ == "__main__":
    there = Path(sys.argv[1])
    student_at(there / "shipped", small_world_at(there / "world"))
