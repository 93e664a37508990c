"""A student's quantised graph, and what quantisation costs it, measured as the graph is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kdray.console import Advance
from kdray.evaluation.intervals import wilson
from kdray.evaluation.metrics import matches
from kdray.handover import bench, onnx
from kdray.handover.bench import Bench
from kdray.metamorphic.suite_inputs import IDENTITY

CASES = 200
"""Clean inputs, with their variants, that a quantised graph is measured on: it has no cache and is slow here."""


def quantised(model: Any, on: Bench, work: Path, advance: Advance) -> dict[str, Any]:
    """Quantises the graph, and measures it beside the student on the first of the trial's cases."""
    graph_file = onnx.quantise(work / onnx.FILE, work / onnx.FILE_INT8)
    graph = onnx.Graph(work / onnx.FILE_INT8, model)
    numbers = on.suite.first(min(CASES, on.cases))
    prompts, _, _ = on.suite.read(numbers)
    before = [on.task.decode(answer.ids) for answer in bench.answers(model, on, numbers)]
    now = []
    for done, prompt in enumerate(prompts, start=1):
        ids = graph.greedy(prompt, end_id=on.task.end_ids, max_new_tokens=on.task.max_target)
        now.append(on.task.decode(ids))
        advance(done, len(prompts))
    float_shares, int8_shares = (_shares(texts, before, numbers, on) for texts in (before, now))
    return {**graph_file, "inputs": len(numbers), "float": float_shares, "int8": int8_shares}


def _shares(texts: list[str], before: list[str], numbers: list[int], on: Bench) -> dict[str, Any]:
    """Shares of answers with their intervals, named as a trial's metrics are."""
    clean = np.array([on.suite.transforms[n] == IDENTITY for n in numbers])
    right = matches(texts, [on.suite.references[n] for n in numbers])
    agrees = matches(texts, [on.suite.teacher_texts[n] for n in numbers])
    hits = {
        "assertion_accuracy": right[clean],
        "variant_accuracy": right[~clean],
        "agreement": agrees[clean],
        "prediction_agreement_violated": ~agrees[~clean],
        "same_as_float": matches(texts, before),
    }
    shares: dict[str, Any] = {name: float(hits_N.mean()) for name, hits_N in hits.items()}
    intervals = {name: list(wilson(int(hits_N.sum()), len(hits_N))) for name, hits_N in hits.items()}
    return {**shares, "intervals": intervals}
