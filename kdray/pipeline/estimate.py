"""What a sweep will take of this machine, about: told before a capture of hours.

Ours, and rough: every example as long as its limits let it be, every trial of the base trial's size and trained
to its end; work by the products that `students.cost` counts, three times in training, at the pace of a product
that is measured here for a moment. So counted ten trials of the demo made 70 to 89 GFLOP/s, where the product made
62 (two shared cores, at different times). Memory of a training is `train.step_memory`'s; of a capture, that of its
teachers beside their processes. Time on accelerators is not told.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from kdray.config import Sweep, Trial
from kdray.corpus.store import corpus_manifest
from kdray.errors import ConfigError
from kdray.search.constraints import known_config, sizes
from kdray.storage import exists, join
from kdray.students.cuts import likeness
from kdray.teacher.codecs import make
from kdray.teacher.manifest import FILE
from kdray.train.engine import micro_batch
from kdray.train.step_memory import step_bytes, student_builder

PROCESS_BYTES = 1.2e9
"""Of a process with torch in it; the demo, three of them, was measured at 2.8 GB."""
TRAINING_BYTES = 18
"""Of a parameter in training: two copies of it, its gradient, Adam's two moments."""
MEASURED_S, SIDE = 0.05, 384


def estimate(sweep: Sweep, known: Mapping[str, Any]) -> str:
    """One line; "" where nothing is known of the teacher.

    Args:
        sweep: what will run.
        known: of its teacher and students (`beforehand.known_of`).
    """
    if not known:
        return ""
    trial, resources = sweep.trial, sweep.resources
    params, teacher = sizes(known)(trial)["student_params"], known["teacher_params"]
    at_a_time = min(resources.max_concurrent, sweep.search.trials)
    trials = sweep.search.trials + (sweep.search.confirm.most if sweep.search.confirm else 0)
    rows = _rows(sweep)
    training = _training_bytes(sweep, known)
    weights = teacher * (2 if sweep.capture.dtype in ("bfloat16", "float16") else 4)
    capturing = PROCESS_BYTES + weights if rows else 0
    memory = PROCESS_BYTES + at_a_time * resources.workers * max(training, capturing)
    bits = make(sweep.capture.codec, **sweep.capture.codec_params).bits_per_token(known["vocab"])
    disk = bits / 8 * rows * trial.encoding.max_target + (4 * teacher if rows else 0)
    disk += params * (2 * trials + TRAINING_BYTES * at_a_time)
    said = f"{_bytes(memory)} of memory ({_bytes(training)} a training), {_bytes(disk)} of disk"
    if resources.gpus_per_worker:
        return f"estimate: {said}"
    cores = resources.workers * resources.cpus_per_worker
    trial_s = _trial_flops(sweep, known) / (pace(trial.optim.precision) * cores)
    capture_s = 2 * teacher * rows * trial.longest_row / (pace("float32") * at_a_time)
    whole_s = capture_s + trial_s * trials / at_a_time
    return (
        f"estimate: {_time(whole_s)} on cores like this one, if no trial is stopped (capture {_time(capture_s)},"
        f" {trials} trials of {_time(trial_s)}, {at_a_time} at a time), {said}"
    )


def _rows(sweep: Sweep) -> int:
    """Rows that are still to be captured, at most; 0 where the corpus is not there yet."""
    trial, plan = sweep.trial, sweep.capture
    if trial.shards is not None and exists(join(trial.shards, FILE)):
        return 0
    if trial.corpus is None or not exists(join(trial.corpus, "corpus.json")):
        return plan.rows or 0
    examples = int(corpus_manifest(trial.corpus)["splits"].get("train", 0))
    return examples if plan.rows is None else min(plan.rows, examples)


def _training_bytes(sweep: Sweep, known: Mapping[str, Any]) -> float:
    """Of a process that trains the base trial, at its peak."""
    trial, resources = sweep.trial, sweep.resources
    config = likeness(trial, known_config(known), known.get("checkpoints", {}))
    rows = micro_batch(trial, resources.workers, "cuda" if resources.gpus_per_worker else "cpu")
    try:
        return step_bytes(student_builder(trial, int(known["vocab"]), config), trial, rows)
    except (AttributeError, ConfigError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        # A family whose work, or first weights, depend on what tensors hold (a mixture of experts): roughly, then.
        if isinstance(error, ConfigError) and not isinstance(error.__cause__, RuntimeError):
            raise
        return PROCESS_BYTES + TRAINING_BYTES * sizes(known)(trial)["student_params"]


def _trial_flops(sweep: Sweep, known: Mapping[str, Any]) -> float:
    """Of training to the end and of being judged at every rung."""
    trial: Trial = sweep.trial
    example = sizes(known)(trial)["student_flops"]
    judged = trial.evaluation.cases + trial.evaluation.rung_cases * (len(trial.budget.reports) - 1)
    trained = 3 * trial.optim.batch_size * trial.budget.steps
    return example * (trained + judged * (1 + sweep.capture.variants_per_case))


def pace(precision: str) -> float:
    """FLOPs a second of one core in a product of matrices."""
    import torch

    matrix = torch.ones(SIDE, SIDE, dtype=getattr(torch, precision))
    threads, done = torch.get_num_threads(), 0
    torch.set_num_threads(1)
    try:
        begin = time.perf_counter()
        while (passed := time.perf_counter() - begin) < MEASURED_S or not done:
            matrix @ matrix
            done += 1
    finally:
        torch.set_num_threads(threads)
    return 2 * SIDE**3 * done / passed


def _time(seconds: float) -> str:
    for size, word in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {word}"
    return f"{max(1.0, seconds):,.0f} s"


def _bytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
