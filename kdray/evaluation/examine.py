"""A model's exact match on held-out examples, beside what needs no learning."""

from __future__ import annotations

from typing import Any

from kdray.console import Advance
from kdray.corpus.sample import sample
from kdray.corpus.store import read_corpus
from kdray.evaluation.answering import answering
from kdray.students.load import load_model, load_task


def examine(teacher: str, corpus: str, cases: int, progress: Advance) -> dict[str, dict[str, Any]]:
    """A model folder and the baselines on the same held-out examples of a corpus, taken from each file in turn."""
    model = load_model(teacher)
    task = load_task(model, teacher)
    examples = sample(read_corpus(corpus, "test"), cases)
    how = answering(task)
    references = [example.target for example in examples]
    metrics = {"teacher": how.examined(model, task, examples)}
    return metrics | how.baselines(references, lambda: (read_corpus(corpus, "train"), examples), progress)
