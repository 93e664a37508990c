"""What another form of a student (8-bit graph, GGUF) says, beside the student itself: measured as it is used, one
input at a time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.console import Advance
from kdray.evaluation.intervals import wilson
from kdray.evaluation.metrics import matches
from kdray.handover import bench
from kdray.handover.beams import Writer, greedy
from kdray.handover.bench import Bench
from kdray.handover.graph import Graph
from kdray.metamorphic.suite_inputs import IDENTITY
from kdray.tasks import Task

Ids = NDArray[np.int32]
Answer = Callable[[Ids], Ids]
"""From a prompt to an output, the end token or the class included."""
CASES = 200
"""Clean inputs, with their variants, that a form is measured on."""


def writing(writer: Writer, task: Task) -> Answer:
    """The greedy answers of whatever writes."""
    return lambda prompt: greedy(
        writer, prompt, end_ids=task.end_ids, max_new_tokens=task.max_target, vocab=task.vocab
    )


def choosing(graph: Graph, task: Task) -> Answer:
    """The classes that a classifier's graph chooses."""

    def answer(prompt: Ids) -> Ids:
        logits_C = graph.classify(snippets(prompt, task))
        return np.array([logits_C.argmax()], np.int32)

    return answer


def snippets(prompt: Ids, task: Task) -> list[Ids]:
    """A classifier's input, snippet by snippet, each with its start and end token."""
    return np.split(prompt, np.flatnonzero(prompt == task.start_id)[1:])


def milliseconds(answer: Answer, on: Bench) -> float:
    """The median of one answer, one input at a time, to the inputs that `bench.latency` takes."""
    prompts, _, _ = on.suite.read(on.clean[: bench.LATENCY_CASES])
    times = []
    for prompt in [prompts[0], *prompts]:  # the first warms up
        started = time.perf_counter()
        answer(prompt)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[1:])


def compared(answer: Answer, model: Any, on: Bench, advance: Advance) -> dict[str, Any]:
    """How often a form is right, agrees and says what the student says, on the first of the trial's cases.

    Returns:
        `inputs` and `ms`; `float`, the student's shares, and `form`, the other form's, with their `intervals`.
    """
    numbers = on.suite.first(min(CASES, on.cases))
    prompts, _, _ = on.suite.read(numbers)
    before = [on.task.decode(output.ids) for output in bench.answers(model, on, numbers)]
    now = []
    for done, prompt in enumerate(prompts, start=1):
        now.append(on.task.decode(answer(prompt)))
        advance(done, len(prompts))
    return {
        "inputs": len(numbers),
        "ms": milliseconds(answer, on),
        "float": _shares(before, before, numbers, on),
        "form": _shares(now, before, numbers, on),
    }


def _shares(texts: list[str], before: list[str], numbers: list[int], on: Bench) -> dict[str, Any]:
    """Shares of answers with their intervals, named as a trial's metrics are."""
    clean = np.array([on.suite.transforms[n] == IDENTITY for n in numbers])
    right = matches(texts, [on.suite.references[n] for n in numbers])
    agrees = matches(texts, [on.suite.teacher_texts[n] for n in numbers])
    hits = {
        on.task.accuracy: right[clean],
        "variant_accuracy": right[~clean],
        "agreement": agrees[clean],
        "prediction_agreement_violated": ~agrees[~clean],
        "same_as_float": matches(texts, before),
    }
    shares: dict[str, Any] = {name: float(hits_N.mean()) for name, hits_N in hits.items() if len(hits_N)}
    intervals = {name: list(wilson(int(hits[name].sum()), len(hits[name]))) for name in shares}
    return {**shares, "intervals": intervals}
