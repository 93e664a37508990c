"""A model's exact match on held-out examples, beside what needs no learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.corpus.sample import sample
from kdray.corpus.store import read_corpus
from kdray.evaluation.baselines import Retrieval, last_assertion
from kdray.evaluation.classify import Classifier
from kdray.evaluation.generate import greedy
from kdray.evaluation.intervals import wilson
from kdray.evaluation.lenient import is_java, lenient_mean
from kdray.evaluation.metrics import classification_metrics, matches
from kdray.students.forward import is_classifier
from kdray.students.load import load_model, load_tokenizer
from kdray.tasks.assertion import AssertionTask
from kdray.tasks.classification import ClassificationTask
from kdray.tasks.make import assertion_task, saved_encoding


def share(hits_N: NDArray[np.bool_], name: str = "assertion_accuracy") -> dict[str, Any]:
    """How often something is right with its 95 % Wilson interval, named as a trial's metrics are."""
    hits, total = int(hits_N.sum()), len(hits_N)
    return {
        name: hits / total,
        "intervals": {name: list(wilson(hits, total))},
        "cases": total,
    }


def text_metrics(
    outputs: Sequence[str], references: Sequence[str], name: str = "assertion_accuracy"
) -> dict[str, Any]:
    """How often texts are right, strictly; of Java also the lenient accuracy of the alpha-temperature study."""
    metrics = share(matches(outputs, references), name)
    if is_java(references):
        metrics["lenient_accuracy"], interval = lenient_mean(outputs, references)
        metrics["intervals"]["lenient_accuracy"] = list(interval)
    return metrics


def answers(model: Any, task: AssertionTask, examples: Sequence[Example], batch_size: int = 64) -> list[str]:
    """The model's greedy answers."""
    outputs = greedy(
        model,
        [task.prompt(example) for example in examples],
        end_id=task.end_id,
        pad_id=task.pad_id,
        max_new_tokens=task.max_target,
        batch_size=batch_size,
    )
    return [task.decode(output.ids) for output in outputs]


def baselines(
    train: Sequence[Example], examples: Sequence[Example], progress: Advance
) -> dict[str, dict[str, Any]]:
    """Nearest-neighbour retrieval and repeating the last assertion, on the same examples."""
    targets = [example.target for example in examples]
    retrieval = Retrieval(train)
    retrieved = []
    for done, example in enumerate(examples, start=1):
        retrieved.append(retrieval.predict(example))
        progress(done, len(examples))
    repeated = [last_assertion(example) for example in examples]
    return {"retrieval": text_metrics(retrieved, targets), "repeat_last": text_metrics(repeated, targets)}


def examine(teacher: str, corpus: str, cases: int, progress: Advance) -> dict[str, dict[str, Any]]:
    """A model folder and both baselines on the same held-out examples of a corpus, taken from each file in
    turn.
    """
    model = load_model(teacher)
    if is_classifier(model):
        return _examine_classifier(model, teacher, sample(read_corpus(corpus, "test"), cases))
    task = assertion_task(load_tokenizer(teacher), model.config.is_encoder_decoder, saved_encoding(teacher))
    examples = sample(read_corpus(corpus, "test"), cases)
    of_teacher = text_metrics(answers(model, task, examples), [example.target for example in examples])
    return {"teacher": of_teacher} | baselines(read_corpus(corpus, "train"), examples, progress)


def _examine_classifier(model: Any, teacher: str, examples: Sequence[Example]) -> dict[str, dict[str, Any]]:
    """A classifier's metrics beside saying the commoner class every time."""
    task = ClassificationTask(load_tokenizer(teacher), model.snippets, saved_encoding(teacher).max_input)
    probabilities_NC = Classifier(model, task)([task.parts(example) for example in examples])
    truth_N = np.array([int(example.target) for example in examples])
    hits_N = probabilities_NC.argmax(1) == truth_N
    of_teacher = share(hits_N, "accuracy") | classification_metrics(probabilities_NC, truth_N)
    majority = share(truth_N == (truth_N.mean() > 0.5), "accuracy")
    return {"teacher": of_teacher, "majority": majority}
