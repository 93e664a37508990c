"""A model's exact match on held-out examples, beside what needs no learning: is it a teacher at all?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.corpus.sample import sample
from kdray.corpus.store import Examples, read_corpus
from kdray.evaluation.answering import answering
from kdray.evaluation.shares import text_metrics
from kdray.students.load import load_model, load_task
from kdray.tasks import Task


def examine(teacher: str, corpus: str, cases: int, progress: Advance) -> dict[str, dict[str, Any]]:
    """A model folder and the baselines on the same held-out examples of a corpus, taken from each file in turn."""
    model = load_model(teacher)
    examples = sample(read_corpus(corpus, "test"), cases)
    return examined(model, load_task(model, teacher), corpus, examples, progress)


def examined(
    model: Any, task: Task, corpus: str, examples: Sequence[Example], progress: Advance
) -> dict[str, dict[str, Any]]:
    """A loaded model and the baselines, which know the corpus's train split, on the same examples."""
    how = answering(task)
    references = [example.target for example in examples]
    metrics = {"teacher": how.examined(model, task, examples)}
    said = how.baselines(references, lambda: (Examples(corpus, "train"), examples), progress)
    return metrics | {name: text_metrics(texts, references, task.accuracy) for name, texts in said.items()}


def doubt(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Why a teacher is not worth distilling, "" where it is better than everything that needs no learning.

    Args:
        found: by `examine`.
    """
    teacher = found["teacher"]
    accuracy = "accuracy" if "accuracy" in teacher else "assertion_accuracy"
    best = max((name for name in found if name != "teacher"), key=lambda name: found[name][accuracy])
    own, mark = teacher[accuracy], found[best][accuracy]
    if own > mark:
        return ""
    return (
        f"the teacher is right in {own:.1%} of {teacher['cases']} held-out cases, {best} in {mark:.1%} without"
        " learning anything: it is not worth distilling; `kdray teacher train --from` fine-tunes it"
    )
